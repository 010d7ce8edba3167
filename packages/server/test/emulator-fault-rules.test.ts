import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EmulatedCall } from "../src/emulator/emulated-call.ts";
import { type FaultEffect, type FaultRule, FaultRules } from "../src/emulator/fault-rules.ts";

const ACCOUNT = "1234567890123456";
const THROTTLING: FaultEffect = { kind: "throttling", retryAfterMillis: 250 };

function rule(effect: FaultEffect, more: Partial<FaultRule> = {}): FaultRule {
  return { probability: 1, seed: 0, effect, ...more };
}

/** A call that has come to an emulator, and what became of it. */
class Probe {
  dropped = false;
  answered = false;
  settled = 0;
  readonly #left = Promise.withResolvers<void>();
  /** Settles when the answer has left. */
  readonly left = this.#left.promise;
  readonly call = new EmulatedCall(
    {
      http: { method: "GET", url: "/", headers: {}, body: new Uint8Array() },
      sourceAddress: "127.0.0.1",
      isSecure: false,
      respond: () => {
        this.answered = true;
        this.#left.resolve();
      },
      drop: () => void (this.dropped = true),
    },
    () => void this.settled++,
  );

  serve(): void {
    this.call.respond({ status: 200, body: "{}", format: "JSON", requestId: "R" });
  }
}

function apply(rules: FaultRules, { action = "Encrypt", accountId = ACCOUNT } = {}) {
  const probe = new Probe();
  return { probe, fault: rules.apply({ incoming: probe.call, action, accountId }) };
}

test("a rule hits the calls that it names, as often as it says, and counts them", () => {
  const rules = new FaultRules();
  rules.add(rule(THROTTLING, { operations: ["Encrypt", "Decrypt"], account: ACCOUNT, calls: 2 }));
  assert.equal(apply(rules, { action: "ListKeys" }).fault, undefined);
  assert.equal(apply(rules, { accountId: "9999999999999999" }).fault, undefined);
  const { fault } = apply(rules);
  assert.ok(fault?.kind === "refused");
  assert.deepEqual([fault.error.code, fault.retryAfterMillis], ["Rejected.Throttling", 250]);
  assert.match(fault.error.message, /Injected by the emulator/);
  assert.equal(rules.list()[0]?.hits, 1);
  assert.ok(apply(rules, { action: "Decrypt" }).fault);
  assert.deepEqual(rules.list(), []);
  assert.equal(apply(rules).fault, undefined);
});

test("of several rules the first counts, and those behind it are not used up", () => {
  const rules = new FaultRules();
  rules.add(rule({ kind: "error", code: "InternalFailure", message: "as told" }, { calls: 1 }));
  rules.add(rule(THROTTLING, { calls: 1 }));
  const first = apply(rules).fault;
  assert.ok(first?.kind === "refused");
  assert.deepEqual([first.error.code, first.error.message], ["InternalFailure", "as told"]);
  const second = apply(rules).fault;
  assert.ok(second?.kind === "refused");
  assert.equal(second.error.code, "Rejected.Throttling");
});

test("a connection is dropped before the call is served, or instead of its answer", () => {
  const rules = new FaultRules();
  const id = rules.add(rule({ kind: "drop", when: "before" })).id;
  const lost = apply(rules);
  assert.deepEqual(lost.fault, { kind: "lost" });
  assert.deepEqual([lost.probe.dropped, lost.probe.answered, lost.probe.settled], [true, false, 1]);

  assert.equal(rules.remove(id), true);
  assert.equal(rules.remove(id), false);
  rules.add(rule({ kind: "drop", when: "after" }));
  const { fault, probe } = apply(rules);
  assert.equal(fault, undefined);
  assert.equal(probe.dropped, false);
  probe.serve();
  assert.deepEqual([probe.dropped, probe.answered, probe.settled], [true, false, 1]);
});

test("delays add up and are taken beside another fault", async () => {
  const rules = new FaultRules();
  rules.add(rule({ kind: "latency", fromMillis: 2, toMillis: 2 }));
  rules.add(rule(THROTTLING));
  rules.add(rule({ kind: "latency", fromMillis: 1, toMillis: 1 }));
  const { fault, probe } = apply(rules);
  assert.equal(fault?.kind, "refused");
  assert.equal(probe.call.delayMillis, 3);
  probe.serve();
  assert.equal(probe.settled, 1, "the server is done with it");
  assert.equal(probe.answered, false);
  await probe.left;
  assert.equal(probe.answered, true);
});

test("chance falls as the seed says, about as often as it should", () => {
  const hits = (seed: number, probability: number) => {
    const rules = new FaultRules();
    rules.add(rule(THROTTLING, { seed, probability }));
    return Array.from({ length: 400 }, () => apply(rules).fault !== undefined);
  };
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.constantFrom(0.1, 0.5, 0.9), (seed, probability) => {
      const once = hits(seed, probability);
      assert.deepEqual(hits(seed, probability), once);
      const share = once.filter(Boolean).length / once.length;
      // Six standard deviations.
      assert.ok(
        Math.abs(share - probability) < 6 * Math.sqrt((probability * (1 - probability)) / once.length),
        `${share}`,
      );
    }),
    { numRuns: 50 },
  );
  assert.notDeepEqual(hits(1, 0.5), hits(2, 0.5));
});
