/**
 * Rotates a root key (`root STEP`) or an account's key (`account ACCOUNT COUNT`) of the deployment in a data directory, as
 * the commands do, and is killed at the step given, or after so many values were wrapped anew.
 */
import { ControlStore, FileSeal, openDeploymentKeys, parseId, peekDeployment, RowGuard } from "@cinnabar/kernel";
import { openDatabase } from "../../src/database.ts";
import { putUnderRootKey, rotateOrResume } from "../../src/rotation/index.ts";
import { rotateSeal } from "../../src/seal/index.ts";
import { accountKeyUses } from "../../src/tables.ts";

const [database = "", rootKeyFile = "", what = "", ...rest] = process.argv.slice(2);
const backend = await openDatabase(database);
const seal = new FileSeal(rootKeyFile);
const known = await peekDeployment(backend);
if (known === undefined) throw new Error("there is no deployment");

if (what === "root") {
  await rotateSeal({
    seal,
    expected: known.rootKeyCheck,
    keepOld: true,
    commit: async (keys) => void (await putUnderRootKey({ backend, ...keys, seal: seal.kind })),
    onStep(done) {
      if (done === rest[0]) process.kill(process.pid, "SIGKILL");
    },
  });
} else {
  const rootKey = await seal.open();
  if (rootKey === undefined) throw new Error("there is no root key");
  const keys = await openDeploymentKeys(backend, rootKey);
  const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
  await rotateOrResume(store, {
    keys,
    uses: accountKeyUses,
    accountId: parseId("Account", rest[0] ?? ""),
    rows: 2,
    onRewrapped(count) {
      if (count >= Number(rest[1])) process.kill(process.pid, "SIGKILL");
    },
  });
}
