import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  changingIdentityOperations,
  changingOperations,
  readingIdentityOperations,
  readingOperations,
} from "../src/service/operations.ts";
import { closeTargets, findTarget, targets } from "../src/targets/index.ts";

after(closeTargets);

/** Calls that cannot succeed, however well they are made, and what they are answered with. */
const REFUSED = new Map([
  ["Kms:OpenKmsService", "Forbidden.Opened"],
  ["Kms:DeleteAlias", "Forbidden.AliasNotFound"],
  ["ResourceSharing:EnableSharingWithResourceDirectory", "AlreadyEnabled"],
  // They are called without a signature.
  ["Sts:AssumeRoleWithOIDC", "UnsupportedOperation"],
  ["Sts:AssumeRoleWithSAML", "UnsupportedOperation"],
]);

const calls = [
  ["calls", readingOperations],
  ["changes", changingOperations],
  ["identity-calls", readingIdentityOperations],
  ["identity-changes", changingIdentityOperations],
] as const;

for (const { name } of targets) {
  if (name === "exports" || calls.some(([called]) => called === name)) continue;
  test(`${name}: mutations start from what is taken as it stands`, async () => {
    await using target = await findTarget(name).open();
    for (const seed of target.seeds) {
      assert.match(await target.attempt(seed), /^200$|^read|^verified|^opened|^decrypted|^refused: malformed-note$/);
    }
  });
}

for (const [name, operations] of calls) {
  test(`${name}: mutations start from calls that succeed`, async () => {
    await using target = await findTarget(name).open();
    for (const [position, operation] of operations.entries()) {
      // The second of each operation has every parameter, of which some exclude each other.
      const seed = target.seeds[2 * position];
      assert(seed !== undefined);
      const { product, name: called, errors } = operation;
      // What is declared only to be refused reads no parameters.
      const isRefused = Object.keys(operation.parameters).length === 0 && errors.includes("UnsupportedOperation");
      const expected = REFUSED.get(`${product}:${called}`) ?? (isRefused ? "UnsupportedOperation" : "200");
      assert.equal(await target.attempt(seed), expected, called);
    }
  });
}
