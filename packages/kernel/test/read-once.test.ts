import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../src/operation/errors.ts";
import type { RequestContext } from "../src/operation/operation.ts";
import { ReadOnce } from "../src/operation/read-once.ts";
import { WorkNeededError } from "../src/operation/slow-work.ts";

const RIGHT = { action: "test:Read", resource: "acs:test:::one" };
const OTHER = { action: "test:Read", resource: "acs:test:::two" };

/** One evaluation of a call, as far as the work looks at it. */
function evaluation(call: object, { allowsWork = true, stillHolds = true, asOf = 1 } = {}): RequestContext {
  return {
    call,
    allowsWork,
    asOf,
    stillHolds: () => Promise.resolve(stillHolds),
    note: () => undefined,
    about: () => undefined,
  } as unknown as RequestContext;
}

test("what was found is given again for the same rights, and found anew for others", async () => {
  const [reads, call] = [new ReadOnce<string>(), {}];
  assert.equal(await reads.run(evaluation(call), [RIGHT], () => "one"), "one");
  assert.equal(await reads.run(evaluation(call, { allowsWork: false }), [RIGHT], () => "again"), "one");
  assert.equal(await reads.run(evaluation(call), [OTHER], () => "two"), "two");
  assert.equal(await reads.run(evaluation({}), [RIGHT], () => "another call's"), "another call's");
});

test("under the lock nothing is found that was not found before, or not by this state", async () => {
  const [reads, call] = [new ReadOnce<string>(), {}];
  const locked = evaluation(call, { allowsWork: false });
  await assert.rejects(
    reads.run(locked, [RIGHT], () => "one"),
    WorkNeededError,
  );
  assert.equal(await reads.run(evaluation(call, { stillHolds: false }), [RIGHT], () => "half"), "half");
  await assert.rejects(
    reads.run(locked, [RIGHT], () => "one"),
    WorkNeededError,
  );
});

test("a refusal is found like an answer; what says nothing of the request is not", async () => {
  const [reads, call] = [new ReadOnce<string>(), {}];
  const failing = (error: Error) => () => Promise.reject<string>(error);
  const away = new ApiError("ServiceUnavailableTemporary");
  await assert.rejects(reads.run(evaluation(call), [RIGHT], failing(away)), away);
  await assert.rejects(reads.run(evaluation(call), [RIGHT], failing(new TypeError("a fault"))), TypeError);
  const refusal = new ApiError("Rejected.Disabled");
  await assert.rejects(reads.run(evaluation(call), [RIGHT], failing(refusal)), refusal);
  await assert.rejects(
    reads.run(evaluation(call), [RIGHT], () => "one"),
    refusal,
  );
});
