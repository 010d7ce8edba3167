import assert from "node:assert/strict";
import { test } from "node:test";
import { columnOf } from "../src/event-index/index-columns.ts";
import { isSensitive } from "../src/events/sensitive-actions.ts";

test("what changes who may do what is sensitive, whichever service is asked for it", () => {
  const sensitive: Readonly<Record<string, readonly string[]>> = {
    Kms: ["SetKeyPolicy", "ScheduleKeyDeletion"],
    Ram: ["User", "Group", "Role"]
      .flatMap((kind) => [`AttachPolicyTo${kind}`, `DetachPolicyFrom${kind}`])
      .concat(["CreatePolicyVersion", "SetDefaultPolicyVersion", "AddUserToGroup", "RemoveUserFromGroup"])
      .concat(["CreateUser", "UpdateUser", "CreateRole", "UpdateRole", "DeleteRole"])
      .concat(["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "UnbindMFADevice", "SetPasswordPolicy"]),
    Cinnabar: ["CreateAccessKey", "CreateOIDCProvider", "EnableService"],
  };
  for (const [serviceName, names] of Object.entries(sensitive)) {
    for (const eventName of names) assert.ok(isSensitive({ serviceName, eventName }), `${serviceName} ${eventName}`);
  }
});

test("what uses rights or looks at them is not", () => {
  for (const [serviceName, eventName] of [
    ["Sts", "AssumeRole"],
    ["Kms", "Decrypt"],
    ["Ram", "GetRole"],
    ["Ram", "SetKeyPolicy"],
    ["toString", "toString"],
  ] as const) {
    assert.ok(!isSensitive({ serviceName, eventName }), `${serviceName} ${eventName}`);
  }
});

test("what was indexed by an earlier list is not looked at", () => {
  // Segments keep the columns of the version that indexed them: 1 had nothing of RAM.
  assert.notEqual(columnOf("SensitiveAction"), "SensitiveAction/1");
});
