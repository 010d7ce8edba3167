import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type OpenCall, OpenCalls } from "../src/operation/open-calls.ts";

class TestCall implements OpenCall {
  readonly arrivedAt = 0;
  previous: this | undefined = undefined;
  next: this | undefined = undefined;
}

/** The calls as the list gives them up, oldest first. */
function drain(calls: OpenCalls<TestCall>): TestCall[] {
  const drained: TestCall[] = [];
  for (let call = calls.oldest; call !== undefined; call = calls.oldest) {
    assert.ok(calls.remove(call));
    drained.push(call);
  }
  return drained;
}

test("keeps the calls that were not removed in the order of arrival, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20), { nil: "add" as const })), (steps) => {
      const calls = new OpenCalls<TestCall>();
      const model: TestCall[] = [];
      for (const step of steps) {
        if (step === "add") {
          const call = new TestCall();
          calls.add(call);
          model.push(call);
        } else {
          const [call] = model.splice(step, 1);
          if (call !== undefined) assert.ok(calls.remove(call));
        }
        assert.equal(calls.size, model.length);
        assert.equal(calls.oldest, model[0]);
      }
      assert.deepEqual(drain(calls), model);
    }),
  );
});

test("a call leaves once, and without a link to any other", () => {
  const calls = new OpenCalls<TestCall>();
  const all = Array.from({ length: 3 }, () => new TestCall());
  for (const call of all) calls.add(call);
  const [, middle] = all;
  assert.ok(middle !== undefined && calls.remove(middle));
  assert.equal(calls.remove(middle), false);
  assert.equal(middle.previous, undefined);
  assert.equal(middle.next, undefined);
  assert.deepEqual(drain(calls), [all[0], all[2]]);
  assert.equal(calls.size, 0);
  assert.equal(calls.remove(middle), false);
});
