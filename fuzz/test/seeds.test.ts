import assert from "node:assert/strict";
import { after, test } from "node:test";
import { changingOperations, readingOperations } from "../src/service/operations.ts";
import { closeTargets, findTarget, targets } from "../src/targets/index.ts";

after(closeTargets);

/** Calls that cannot succeed, however well they are made, and what they are answered with. */
const REFUSED = new Map([
  ["OpenKmsService", "Forbidden.Opened"],
  ["DeleteAlias", "Forbidden.AliasNotFound"],
]);

for (const { name } of targets) {
  if (name === "exports" || name === "calls" || name === "changes") continue;
  test(`${name}: mutations start from what is taken as it stands`, async () => {
    await using target = await findTarget(name).open();
    for (const seed of target.seeds) {
      assert.match(await target.attempt(seed), /^200$|^read|^verified|^opened|^decrypted|^refused: malformed-note$/);
    }
  });
}

for (const [name, operations] of [
  ["calls", readingOperations],
  ["changes", changingOperations],
] as const) {
  test(`${name}: mutations start from calls that succeed`, async () => {
    await using target = await findTarget(name).open();
    for (const [position, operation] of operations.entries()) {
      // The second of each operation has every parameter, of which some exclude each other.
      const seed = target.seeds[2 * position];
      assert(seed !== undefined);
      assert.equal(await target.attempt(seed), REFUSED.get(operation.name) ?? "200", operation.name);
    }
  });
}
