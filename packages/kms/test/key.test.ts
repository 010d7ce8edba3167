import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "@cinnabar/kernel";
import * as fc from "fast-check";
import {
  assertChangeable,
  assertTakesAlias,
  assertUnprotected,
  assertUsable,
  deletionCancelled,
  deletionScheduled,
  disabled,
  enabled,
  isGone,
  type KeyStatus,
  materialGone,
  materialImported,
} from "../src/key/key.ts";

const NOW = Date.UTC(2026, 0, 1) + 789;
const DAYS = 7;

/** The published matrix: what each action answers in each state, and the state it leads to. */
const MATRIX = {
  enable: {
    Enabled: "Enabled",
    Disabled: "Enabled",
    PendingDeletion: "Rejected.StateModifiedFailed",
    PendingImport: "Rejected.StateModifiedFailed",
  },
  disable: {
    Enabled: "Disabled",
    Disabled: "Disabled",
    PendingDeletion: "Rejected.StateModifiedFailed",
    PendingImport: "Rejected.StateModifiedFailed",
  },
  schedule: {
    Enabled: "PendingDeletion",
    Disabled: "PendingDeletion",
    PendingDeletion: "Rejected.StateModifiedFailed",
    PendingImport: "PendingDeletion",
  },
  // From PendingDeletion: without material, a key waits for it.
  cancel: {
    Enabled: "Rejected.StateModifiedFailed",
    Disabled: "Rejected.StateModifiedFailed",
    PendingDeletion: "Enabled",
    PendingImport: "Rejected.StateModifiedFailed",
  },
  import: {
    Enabled: "Enabled",
    Disabled: "Disabled",
    PendingDeletion: "Rejected.StateModifiedFailed",
    // Disabled, if it was so when it lost its material.
    PendingImport: "Enabled",
  },
  loseMaterial: {
    Enabled: "PendingImport",
    Disabled: "PendingImport",
    PendingDeletion: "PendingDeletion",
    PendingImport: "PendingImport",
  },
  change: {
    Enabled: "Enabled",
    Disabled: "Disabled",
    PendingDeletion: "Rejected.PendingDeletion",
    PendingImport: "PendingImport",
  },
  use: {
    Enabled: "Enabled",
    Disabled: "Rejected.Disabled",
    PendingDeletion: "Rejected.PendingDeletion",
    PendingImport: "Rejected.PendingImport",
  },
  takeAlias: {
    Enabled: "Enabled",
    Disabled: "Disabled",
    PendingDeletion: "Rejected.StateModifiedFailed",
    PendingImport: "PendingImport",
  },
} as const;

type Action = keyof typeof MATRIX;

const ACTIONS = [
  "enable",
  "disable",
  "schedule",
  "cancel",
  "import",
  "loseMaterial",
  "change",
  "use",
  "takeAlias",
] as const satisfies readonly Action[];

function perform(
  action: Action,
  status: KeyStatus,
  { now, hasMaterial }: { readonly now: number; readonly hasMaterial: boolean },
): KeyStatus {
  switch (action) {
    case "enable":
      return enabled(status);
    case "disable":
      return disabled(status);
    case "schedule":
      return deletionScheduled(status, { now, days: DAYS });
    case "cancel":
      return deletionCancelled(status, { primaryVersion: { hasMaterial } });
    case "import":
      return materialImported(status);
    case "loseMaterial":
      return materialGone(status);
    case "change":
      assertChangeable(status);
      return status;
    case "use":
      assertUsable(status);
      return status;
    case "takeAlias":
      assertTakesAlias(status);
      return status;
  }
}

test("every action in every state, in any order, does as the published matrix says", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...ACTIONS), { maxLength: 40 }), (actions) => {
      let status: KeyStatus = { state: "Enabled" };
      let hasMaterial = true;
      let wasDisabled = false;
      for (const [step, action] of actions.entries()) {
        const published: string = MATRIX[action][status.state];
        const isImport = action === "import" && status.state === "PendingImport";
        const expected: string =
          action === "cancel" && published === "Enabled" && !hasMaterial
            ? "PendingImport"
            : isImport && wasDisabled
              ? "Disabled"
              : published;
        try {
          if (action === "loseMaterial" && status.state !== "PendingImport") wasDisabled = status.state === "Disabled";
          if (action === "schedule") wasDisabled = false;
          status = perform(action, status, { now: NOW + step, hasMaterial });
          assert.equal(status.state, expected);
          if (action === "import") hasMaterial = true;
          if (action === "loseMaterial") hasMaterial = false;
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
          assert.equal(error.code, expected);
        }
      }
    }),
  );
});

test("a key goes at the whole second of its date, and not before", () => {
  const status = deletionScheduled({ state: "Enabled" }, { now: NOW, days: DAYS });
  const date = Date.UTC(2026, 0, 8);
  assert.deepEqual(status, { state: "PendingDeletion", deleteAt: date, scheduledAt: NOW });
  assert.equal(isGone(status, date - 1), false);
  assert.equal(isGone(status, date), true);
  assert.equal(isGone({ state: "Disabled" }, Number.MAX_SAFE_INTEGER), false);
});

test("the refusals are worded as published", () => {
  assert.throws(() => assertUsable({ state: "Disabled" }), {
    message: "The request was rejected because the key state is Disabled.",
  });
  assert.throws(() => assertUsable({ state: "PendingDeletion", deleteAt: NOW, scheduledAt: undefined }), {
    message: "The request was rejected because the key state is PendingDeletion.",
  });
  const cancel = () => deletionCancelled({ state: "Enabled" }, { primaryVersion: { hasMaterial: true } });
  assert.throws(cancel, { message: "Keystate modified failed." });
  assert.throws(() => assertUnprotected({ deletionProtection: { description: "" } }), {
    code: "Rejected.StateModifiedFailed",
    message: /^Keystate modified failed\. /,
  });
  assertUnprotected({ deletionProtection: undefined });
});
