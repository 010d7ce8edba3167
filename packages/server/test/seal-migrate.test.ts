import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, link, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { RootKey, RootKeyRotatedError, type Seal, SealError } from "@cinnabar/kernel";
import { spawnScript } from "@cinnabar/testkit";

import { openRootKey, RootKeyError } from "../src/open-deployment.ts";
import { migrateSeal, type MigrationStep, type OldSeal } from "../src/seal/index.ts";
import { type HandedOut, sealNamed } from "./support/migration.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const STEPS: readonly MigrationStep[] = ["opened", "staged", "verified", "published", "recorded", "removed"];
/** In the place of the old seal there is nothing to remove, and nothing counts before it is on record. */
const IN_PLACE: readonly MigrationStep[] = ["opened", "staged", "verified", "recorded", "published"];
const killedMigration = fileURLToPath(new URL("support/killed-migration.ts", import.meta.url));

interface Migration {
  readonly from: Seal;
  readonly to: Seal;
  readonly expected: string;
  readonly records?: RootKey[];
  readonly keepOld?: boolean;
  readonly onStep?: (step: MigrationStep) => void;
}

function migrate({ records = [], keepOld = false, ...migration }: Migration): Promise<OldSeal> {
  return migrateSeal({ ...migration, keepOld, record: async (rootKey) => void records.push(rootKey) });
}

/** What a seal opens; `undefined` if it does not. */
async function opened(seal: Seal): Promise<string | undefined> {
  try {
    return (await seal.open())?.checkValue;
  } catch (error) {
    assert.ok(error instanceof SealError);
    return undefined;
  }
}

for (const { from, to, old } of [
  { from: "file:old", to: "file:new", old: "removed" },
  { from: "file:old", to: "shamir:new", old: "removed" },
  { from: "shamir:old", to: "file:new", old: "removed" },
  { from: "file:root", to: "shamir:root", old: "replaced" },
  { from: "shamir:root", to: "shamir:root", old: "replaced" },
  { from: "passphrase:root", to: "passphrase:root:another long passphrase", old: "replaced" },
] as const) {
  test(`loses nothing where a migration from ${from} to ${to} fails after any step, and ends it when run again`, async (t) => {
    // Argon2id takes its time: there, before and after what matters most.
    for (const failing of from.startsWith("passphrase") ? (["staged", "published"] as const) : STEPS) {
      const folder = await temporaryDirectory(t);
      const oldShares: HandedOut = [];
      const newShares: HandedOut = [];
      const oldSeal = () => sealNamed(from, { folder, shares: oldShares });
      const newSeal = () => sealNamed(to, { folder, shares: newShares });
      const { checkValue: expected } = await oldSeal().create();
      const records: RootKey[] = [];
      const failure = new Error("injected");
      const steps: MigrationStep[] = [];
      const onStep = (step: MigrationStep) => {
        steps.push(step);
        if (step === failing) throw failure;
      };
      const attempt = migrate({ from: oldSeal(), to: newSeal(), expected, records, onStep });
      const order = old === "replaced" ? IN_PLACE : STEPS;
      if (order.includes(failing)) await assert.rejects(attempt, failure);
      else assert.equal(await attempt, old);
      assert.deepEqual(steps, order.slice(0, order.includes(failing) ? order.indexOf(failing) + 1 : order.length));
      assert.equal(records.length, steps.includes("recorded") ? 1 : 0);

      const isPublished = steps.includes("published");
      const isMoved = isPublished && (old === "replaced" || steps.includes("removed"));
      assert.equal(await opened(oldSeal()), isMoved ? undefined : expected, `${failing}: the old seal`);
      assert.equal(await opened(newSeal()), isPublished ? expected : undefined, `${failing}: the new seal`);
      if (isMoved) continue;

      assert.equal(await migrate({ from: oldSeal(), to: newSeal(), expected, records }), old);
      assert.equal(await opened(newSeal()), expected);
      assert.equal(await opened(oldSeal()), undefined);
      assert.deepEqual(await readdir(folder), [old === "replaced" ? "root" : "new"]);
      assert.ok(records.length >= 1 && records.every(({ checkValue }) => checkValue === expected));
    }
  });
}

test("loses nothing when it is killed after any step, and leaves no plaintext behind when run again", async (t) => {
  for (const step of STEPS) {
    const folder = await temporaryDirectory(t);
    const from = sealNamed("file:old", { folder });
    const to = sealNamed("passphrase:new", { folder });
    const { checkValue: expected } = await from.create();
    const child = spawnScript(killedMigration, folder, step, expected);
    const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    assert.equal(signal, "SIGKILL", step);
    if (step === "removed") {
      assert.equal(await from.open(), undefined);
    } else {
      assert.equal(await opened(from), expected, step);
      assert.equal(await migrate({ from, to, expected }), "removed");
    }
    assert.equal(await opened(to), expected, step);
    const left = (await readdir(folder)).filter((name) => name !== "new");
    assert.ok(
      left.every((name) => name.startsWith(".new.")),
      left.join(),
    );
  }
});

test("keeps the old seal where that is asked for", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:old", { folder });
  const to = sealNamed("file:new", { folder });
  const { checkValue: expected } = await from.create();
  assert.equal(await migrate({ from, to, expected, keepOld: true }), "kept");
  assert.deepEqual([await opened(from), await opened(to)], [expected, expected]);
});

test("refuses to keep the old seal in the place of the new one, before it asks for anything", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:root", { folder });
  const { checkValue: expected } = await from.create();
  const to = sealNamed("passphrase:root", { folder });
  const steps: MigrationStep[] = [];
  const attempt = migrate({ from, to, expected, keepOld: true, onStep: (step) => void steps.push(step) });
  await assert.rejects(attempt, /--keep-old is to leave that: name another path/);
  assert.deepEqual([steps, await opened(from)], [[], expected]);
});

test("takes a seal behind a symbolic link for what it is", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:old", { folder });
  const { checkValue: expected } = await from.create();
  await symlink("old", join(folder, "link"));
  const to = sealNamed("file:link", { folder });
  assert.equal(await migrate({ from, to, expected }), "replaced");
  assert.equal(await opened(from), expected);
});

test("changes nothing where the old seal is not the store's, or the new one keeps another root key", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:old", { folder });
  const other = sealNamed("file:other", { folder });
  const { checkValue: expected } = await from.create();
  const { checkValue: foreign } = await other.create();
  await assert.rejects(migrate({ from, to: other, expected }), (error) => {
    assert.ok(error instanceof SealError && error.code === "exists");
    assert.match(error.message, new RegExp(`another root key already, ${foreign}`));
    return true;
  });
  await assert.rejects(migrate({ from: other, to: sealNamed("file:new", { folder }), expected }), RootKeyError);
  await assert.rejects(migrate({ from: sealNamed("file:none", { folder }), to: other, expected }), RootKeyError);
  await copyFile(join(folder, "other"), join(folder, "shamir"));
  await assert.rejects(migrate({ from, to: sealNamed("shamir:shamir", { folder }), expected }), SealError);
  assert.deepEqual((await readdir(folder)).toSorted(), ["old", "other", "shamir"]);
  assert.deepEqual([await opened(from), await opened(other)], [expected, foreign]);
});

test("removes nothing where the migration cannot be recorded", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:old", { folder });
  const to = sealNamed("file:new", { folder });
  const { checkValue: expected } = await from.create();
  const record = () => Promise.reject(new Error("the database is away"));
  await assert.rejects(migrateSeal({ from, to, expected, keepOld: false, record }), /away/);
  assert.deepEqual([await opened(from), await opened(to)], [expected, expected]);
});

for (const to of ["file:root", "file:new"]) {
  test(`a migration to ${to} that comes before a rotation's commit takes effect removes nothing of either root key`, async (t) => {
    const folder = await temporaryDirectory(t);
    const from = sealNamed("file:root", { folder });
    const { checkValue: expected } = await from.create();
    const opened = await from.rotation?.open();
    const next = RootKey.generate();
    await using staged = await opened?.stageNext(next);
    await staged?.publish({ replace: false });
    // The rotation was killed, and its COMMIT took effect while this one waited for the epoch's lock.
    const record = () => Promise.reject(new RootKeyRotatedError());
    const migration = { from, to: sealNamed(to, { folder }), expected, keepOld: false, record };
    await assert.rejects(migrateSeal(migration), RootKeyRotatedError);
    assert.equal((await openRootKey(from, next.checkValue)).checkValue, next.checkValue);
    assert.equal(await from.claim(), expected);
  });
}

test("a next root key that never counted goes where the new seal takes the place of the old one", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:root", { folder });
  const { checkValue: expected } = await from.create();
  const opened = await from.rotation?.open();
  await using staged = await opened?.stageNext(RootKey.generate());
  await staged?.publish({ replace: false });
  const shares: HandedOut = [];
  const to = () => sealNamed("shamir:root", { folder, shares });
  assert.equal(await migrate({ from, to: to(), expected }), "replaced");
  assert.deepEqual(await readdir(folder), ["root"]);
  assert.equal((await to().open())?.checkValue, expected);
});

test("does not take a file for another one because it has another path", async (t) => {
  const folder = await temporaryDirectory(t);
  const from = sealNamed("file:old", { folder, shares: [] });
  const { checkValue: expected } = await from.create();
  assert.ok(from.path !== undefined);
  const to = sealNamed("file:linked", { folder, shares: [] });
  assert.ok(to.path !== undefined);
  await rm(to.path, { force: true });
  await link(from.path, to.path);
  await assert.rejects(migrate({ from, to, expected }), /are the same file\. Nothing was changed/);
  assert.equal(await opened(from), expected);
});
