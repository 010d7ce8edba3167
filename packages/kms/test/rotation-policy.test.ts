import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeySpec } from "@cinnabar/kernel";
import * as fc from "fast-check";
import { KEY_SPEC_NAMES } from "../src/key/key-spec.ts";
import {
  assertRotatable,
  automaticRotation,
  isRotationDue,
  rotatedAt,
  rotationEvery,
  type RotationPolicy,
} from "../src/rotation/rotation-policy.ts";

const DAY_SECONDS = 24 * 60 * 60;
const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

interface Modelled {
  readonly spec: KeySpec;
  readonly origin: "Aliyun_KMS";
  status: { readonly state: "Enabled" | "Disabled" | "PendingDeletion" };
  rotation: RotationPolicy | undefined;
}

const interval = fc.integer({ min: 7 * DAY_SECONDS, max: 730 * DAY_SECONDS });
const step = fc.oneof(
  fc.record({ do: fc.constant("wait" as const), millis: fc.integer({ min: 0, max: 400 * DAY_SECONDS * 1000 }) }),
  fc.record({ do: fc.constant("state" as const), state: fc.constantFrom("Enabled" as const, "Disabled" as const) }),
  fc.record({ do: fc.constant("policy" as const), seconds: fc.option(interval, { nil: undefined }) }),
  fc.record({ do: fc.constant("job" as const) }),
);

test("a key is rotated when its interval after the last rotation is over, never sooner, and only while it is enabled", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = START;
      let lastAt = START;
      let seconds: number | undefined;
      const key: Modelled = {
        spec: "Aliyun_AES_256",
        origin: "Aliyun_KMS",
        status: { state: "Enabled" },
        rotation: undefined,
      };
      for (const next of steps) {
        if (next.do === "wait") now += next.millis;
        else if (next.do === "state") key.status = { state: next.state };
        else if (next.do === "policy") {
          seconds = next.seconds;
          key.rotation = seconds === undefined ? undefined : rotationEvery(seconds, lastAt);
        } else {
          const isDue = isRotationDue(key, now);
          // The slow way: by the dates as they are shown, which have no fractions of seconds.
          const shown = seconds === undefined ? undefined : toSeconds(lastAt) + seconds;
          assert.equal(isDue, key.status.state === "Enabled" && shown !== undefined && toSeconds(now) >= shown);
          if (isDue) {
            lastAt = now;
            key.rotation = rotatedAt(key.rotation, now);
          }
          assert.equal(isRotationDue(key, now), false);
        }
        assert.equal(key.rotation?.intervalSeconds, seconds);
        if (key.rotation !== undefined) {
          assert.equal(key.rotation.nextAt, (toSeconds(lastAt) + key.rotation.intervalSeconds) * 1000);
        }
        const isOn = seconds !== undefined;
        const expected = isOn ? (key.status.state === "Enabled" ? "Enabled" : "Suspended") : "Disabled";
        assert.equal(automaticRotation(key), expected);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("only symmetric keys whose material is made here are rotated", () => {
  const rotated = KEY_SPEC_NAMES.filter((spec) => {
    try {
      assertRotatable({ spec, origin: "Aliyun_KMS" });
      return true;
    } catch {
      return false;
    }
  });
  assert.deepEqual(rotated, ["Aliyun_AES_256", "Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4"]);
  assert.throws(() => assertRotatable({ spec: "Aliyun_AES_256", origin: "EXTERNAL" }), {
    code: "Rejected.UnsupportedOperation",
    message: "Unsupported operation. Only symmetric keys whose material is made here are rotated.",
  });
});

function toSeconds(millis: number): number {
  return Math.floor(millis / 1000);
}
