import assert from "node:assert/strict";
import { once } from "node:events";
import { type FileHandle, open, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { SecretBytes } from "@cinnabar/crypto";
import { PassphraseSeal, ProvidedSeal, type Seal } from "@cinnabar/kernel";
import { spawnScript } from "@cinnabar/testkit";

import { openRootKey } from "../src/open-deployment.ts";
import { migrateSeal, type RotationStep, rotateSeal, SealLock, type SealRotationPlan } from "../src/seal/index.ts";
import { type HandedOut, sealNamed } from "./support/migration.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const STEPS: readonly RotationStep[] = ["opened", "staged", "verified", "prepared", "committed", "kept", "promoted"];
const killedRotation = fileURLToPath(new URL("support/killed-seal-rotation.ts", import.meta.url));

/** A store, as far as a seal is concerned: it says which root key counts. */
class OneRootKey {
  expected = "";
  commits = 0;

  rotate(plan: Pick<SealRotationPlan, "seal"> & Partial<SealRotationPlan>) {
    const { expected } = this;
    const commit: SealRotationPlan["commit"] = async ({ from, to }) => {
      assert.equal(from.checkValue, this.expected);
      this.expected = to.checkValue;
      this.commits++;
    };
    return rotateSeal({ keepOld: true, ...plan, expected, commit });
  }
}

const names = async (folder: string) => (await readdir(folder)).toSorted();

for (const kind of ["file", "shamir", "passphrase"] as const) {
  test(`a rotation under a ${kind} seal that fails after any step loses nothing, and ends when run again`, async (t) => {
    // Argon2id takes its time: there, before and after what matters most.
    for (const failing of kind === "passphrase" ? (["prepared", "committed"] as const) : STEPS) {
      const folder = await temporaryDirectory(t);
      const shares: HandedOut = [];
      const seal = () => sealNamed(`${kind}:root`, { folder, shares });
      const store = new OneRootKey();
      const { checkValue: first } = await seal().create();
      store.expected = first;
      const handedOut = [...shares];
      const failure = new Error("injected");
      const steps: RotationStep[] = [];
      const onStep = (step: RotationStep) => {
        steps.push(step);
        if (step === failing) throw failure;
      };
      await assert.rejects(store.rotate({ seal: seal(), onStep }), failure);
      assert.deepEqual(steps, STEPS.slice(0, STEPS.indexOf(failing) + 1));
      assert.equal(store.expected !== first, steps.includes("committed"), failing);
      assert.equal((await openRootKey(seal(), store.expected)).checkValue, store.expected, failing);

      const { kind: outcome } = await store.rotate({ seal: seal() });
      const wasCommitted = steps.includes("committed");
      assert.equal(outcome, wasCommitted && failing !== "promoted" ? "finished" : "rotated", failing);
      assert.equal(store.commits, failing === "promoted" ? 2 : 1);
      assert.equal(await seal().claim(), store.expected);
      assert.equal((await seal().open())?.checkValue, store.expected);
      const found = await names(folder);
      assert.deepEqual(found.slice(0, 1), ["root"]);
      assert.ok(found.includes(`root.${first}`), "the first root key is kept");
      assert.equal(found.length, 1 + store.commits);
      // A backup of the store from before is opened by what was kept, without another name.
      assert.equal((await openRootKey(seal(), first)).checkValue, first);
      assert.deepEqual(shares, handedOut, "the shares are the same ones");
    }
  });
}

test("keeps nothing of the old root key where that is asked for", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = sealNamed("file:root", { folder });
  const store = new OneRootKey();
  store.expected = (await seal.create()).checkValue;
  const { kept } = await store.rotate({ seal, keepOld: false });
  assert.equal(kept, undefined);
  assert.deepEqual(await names(folder), ["root"]);
  assert.equal((await seal.open())?.checkValue, store.expected);
});

test("of two rotations at the same time one takes effect, and what the store is under opens", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = () => sealNamed("file:root", { folder });
  const store = new OneRootKey();
  const first = (await seal().create()).checkValue;
  store.expected = first;
  let isTaken = false;
  const commit: SealRotationPlan["commit"] = async ({ to }) => {
    if (isTaken) throw new Error("rotated meanwhile");
    isTaken = true;
    store.expected = to.checkValue;
  };
  const rotate = () => rotateSeal({ seal: seal(), expected: first, keepOld: true, commit });
  const outcomes = await Promise.allSettled([rotate(), rotate()]);
  assert.ok(outcomes.some(({ status }) => status === "fulfilled"));
  assert.equal((await openRootKey(seal(), store.expected)).checkValue, store.expected);
});

test("is killed after any step, and the root key that counts opens", async (t) => {
  for (const step of STEPS) {
    const folder = await temporaryDirectory(t);
    const seal = sealNamed("file:root", { folder });
    const { checkValue: first } = await seal.create();
    const record = join(folder, "store");
    await writeFile(record, first);
    const child = spawnScript(killedRotation, folder, step);
    const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    assert.equal(signal, "SIGKILL", step);
    const expected = await readFile(record, "utf8");
    assert.equal(expected !== first, STEPS.indexOf(step) >= STEPS.indexOf("committed"), step);
    assert.equal((await openRootKey(seal, expected)).checkValue, expected, step);
    const store = new OneRootKey();
    store.expected = expected;
    await store.rotate({ seal });
    assert.equal(await seal.claim(), store.expected, step);
  }
});

test("changes nothing where the next root key cannot be staged, or the store refuses it", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = sealNamed("file:root", { folder });
  const { checkValue: expected } = await seal.create();
  const commit = () => Promise.reject(new Error("the database is away"));
  await assert.rejects(rotateSeal({ seal, expected, keepOld: true, commit }), /away/);
  assert.equal(await seal.claim(), expected);
  await assert.rejects(rotateSeal({ seal, expected: "A".repeat(22), keepOld: true, commit }), {
    name: "RootKeyError",
    message: /sealed under the root key A+, but the one in file .* is /,
  });
  const none = sealNamed("file:none", { folder });
  await assert.rejects(rotateSeal({ seal: none, expected, keepOld: true, commit }), /there is none in file/);
});

test("leaves a symbolic link to the seal's file in its place", async (t) => {
  const folder = await temporaryDirectory(t);
  const real = sealNamed("file:real", { folder });
  const store = new OneRootKey();
  store.expected = (await real.create()).checkValue;
  await symlink("real", join(folder, "link"));
  await store.rotate({ seal: sealNamed("file:link", { folder }) });
  assert.equal(await real.claim(), store.expected);
  assert.equal(await sealNamed("file:link", { folder }).claim(), store.expected);
});

test("a migration afterwards puts the new root key in order first, and takes nothing for the old one", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = sealNamed("file:root", { folder });
  const store = new OneRootKey();
  const { checkValue: first } = await seal.create();
  store.expected = first;
  const failure = new Error("injected");
  const onStep = (step: RotationStep) => {
    if (step === "committed") throw failure;
  };
  await assert.rejects(store.rotate({ seal, onStep }), failure);
  const to = sealNamed("passphrase:new", { folder });
  const migration = { from: seal, to, expected: store.expected, keepOld: false, record: async () => {} };
  assert.equal(await migrateSeal(migration), "removed");
  assert.equal((await to.open())?.checkValue, store.expected);
  assert.deepEqual(await names(folder), ["new", `root.${first}`]);
});

test("a next root key that never counted does not outlast the seal", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = sealNamed("file:root", { folder });
  const { checkValue: expected } = await seal.create();
  const commit = () => Promise.reject(new Error("the database is away"));
  await assert.rejects(rotateSeal({ seal, expected, keepOld: true, commit }), /away/);
  assert.deepEqual(await names(folder), ["root", "root.next"]);
  const to = sealNamed("file:new", { folder });
  await migrateSeal({ from: seal, to, expected, keepOld: false, record: async () => {} });
  assert.deepEqual(await names(folder), ["new"]);
});

test("puts the new root key elsewhere where others keep the old one, and takes up what is there already", async (t) => {
  const folder = await temporaryDirectory(t);
  const handedOver = sealNamed("file:handed-over", { folder });
  const store = new OneRootKey();
  store.expected = (await handedOver.create()).checkValue;
  const seal: Seal = new ProvidedSeal({
    kind: "env",
    name: "ROOT_KEY_FILE",
    read: async () => new SecretBytes(await readFile(join(folder, "handed-over"))),
  });
  await assert.rejects(store.rotate({ seal }), /Name a file for the new one with --to file:PATH/);
  const to = sealNamed("file:new", { folder });
  const failure = new Error("injected");
  const onStep = (step: RotationStep) => {
    if (step === "prepared") throw failure;
  };
  await assert.rejects(store.rotate({ seal, to, onStep }), failure);
  assert.equal(await to.claim(), undefined, "it counts only when the store is under it");
  const staged = await to.rotation?.claimNext();
  assert.deepEqual(await store.rotate({ seal, to }), {
    kind: "rotated",
    rootKey: staged,
    kept: "env ROOT_KEY_FILE",
  });
  assert.equal(store.expected, staged);
  assert.deepEqual(await names(folder), ["handed-over", "new"]);
  await assert.rejects(store.rotate({ seal: to, to }), /leave --to out/);
  await assert.rejects(store.rotate({ seal: to, to: seal }), /Only whoever keeps env ROOT_KEY_FILE/);
});

test("a rotation to another place that is interrupted after the store's commit is ended there by the same command", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = sealNamed("file:old", { folder });
  const to = sealNamed("file:new", { folder });
  const store = new OneRootKey();
  const { checkValue: first } = await seal.create();
  store.expected = first;
  const failure = new Error("injected");
  const onStep = (step: RotationStep) => {
    if (step === "committed") throw failure;
  };
  await assert.rejects(store.rotate({ seal, to, onStep }), failure);
  assert.notEqual(store.expected, first);
  assert.equal((await openRootKey(to, store.expected)).checkValue, store.expected);
  const outcome = { kind: "finished", rootKey: store.expected, kept: undefined };
  assert.deepEqual(await store.rotate({ seal, to }), outcome);
  assert.equal(await to.claim(), store.expected);
  assert.deepEqual(await names(folder), ["new", "old"]);
  await assert.rejects(store.rotate({ seal, to }), /keeps the present root key/);
});

test("goes to no place that has a root key already, such as one that was replaced", async (t) => {
  const folder = await temporaryDirectory(t);
  const seal = sealNamed("file:root", { folder });
  const store = new OneRootKey();
  const { checkValue: first } = await seal.create();
  store.expected = first;
  await store.rotate({ seal });
  const second = store.expected;
  const retired = sealNamed(`file:root.${first}`, { folder });
  await assert.rejects(
    store.rotate({ seal, to: retired }),
    new RegExp(`keeps a root key already, ${first}\\..* name a place`),
  );
  assert.deepEqual([store.expected, await seal.claim(), await retired.claim()], [second, second, first]);
});

for (const place of ["root", "elsewhere"]) {
  test(`a next root key that is found is flushed before the store is put under it, ${place}`, async (t) => {
    const folder = await temporaryDirectory(t);
    const seal = sealNamed("file:root", { folder });
    const to = place === "root" ? undefined : sealNamed(`file:${place}`, { folder });
    const store = new OneRootKey();
    store.expected = (await seal.create()).checkValue;
    const onPrepared = (run: () => void) => (step: RotationStep) => {
      if (step === "prepared") run();
    };
    const failure = new Error("injected");
    const fail = () => {
      throw failure;
    };
    await assert.rejects(store.rotate({ seal, to, onStep: onPrepared(fail) }), failure);

    const flushed: string[] = [];
    await using any = await open(join(folder, "root"));
    const handles = Object.getPrototypeOf(any) as FileHandle;
    t.mock.method(handles, "sync", async function seen(this: FileHandle) {
      flushed.push(await readlink(`/proc/self/fd/${this.fd}`));
      await this.datasync();
    });
    const atCommit: string[] = [];
    const commit: SealRotationPlan["commit"] = async () => void atCommit.push(...flushed);
    await rotateSeal({ seal, to, expected: store.expected, keepOld: true, commit });
    assert.deepEqual(atCommit, [join(folder, `${place}.next`), folder]);
  });
}

test("where one of two locks cannot be had, the other one is let go", async (t) => {
  const folder = await temporaryDirectory(t);
  const one = join(folder, "root.key");
  await assert.rejects(SealLock.take([one, join(folder, "none", "root.key")]), /cannot be opened/);
  using lock = await SealLock.take([one]);
  assert.ok(lock !== undefined);
});

test("asks for the passphrase once", async (t) => {
  const folder = await temporaryDirectory(t);
  let asked = 0;
  const seal = new PassphraseSeal(join(folder, "root"), async () => {
    asked++;
    return new SecretBytes(Buffer.from("correct horse battery"));
  });
  const store = new OneRootKey();
  store.expected = (await seal.create()).checkValue;
  asked = 0;
  await store.rotate({ seal });
  assert.equal(asked, 1);
  const parameters = async (file: string) => {
    const text = await readFile(join(folder, file), "utf8");
    return (JSON.parse(text.slice(text.indexOf("\n"))) as { parameters: object; rootKey: string }).parameters;
  };
  const [now, old] = (await names(folder)).map(parameters);
  assert.deepEqual(await now, await old);
});
