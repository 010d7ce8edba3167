import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import {
  createSigningKey,
  encodeSystemEvent,
  initStore,
  kernelMigrations,
  migrate,
  RootKey,
  RowGuard,
  rowGuardKeys,
  Store,
  type StoreObserver,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import { forEachDatabase } from "@cinnabar/testkit";
import {
  exportAudit,
  ExportedLogs,
  proveEvent,
  readCheckpointBundle,
  verifyAudit,
  verifyEventProof,
  withDatabaseLogs,
} from "../src/audit/index.ts";
import { openDatabase } from "../src/database.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

const REGION = "cn-hangzhou";
const ORIGIN = "kms.example/store";

const observer: StoreObserver = {
  committed: () => undefined,
  missed: () => undefined,
  unavailable: (cause) => assert.fail(String(cause)),
  tampered: (error) => assert.fail(error),
  fenced: (reason) => assert.fail(reason),
  clockBehind: () => assert.fail("the clock went back"),
  checkpointed: () => undefined,
};

/** An event as the committer asks for it. */
function encodeEvent(epoch: number): string {
  const eventId = randomUUID().toUpperCase();
  return encodeSystemEvent({ name: "ResetClock", region: REGION, eventId, time: Date.now(), epoch, data: {} });
}

/** Makes a deployment; gives its root key and verifier key. */
async function initialise(url: string): Promise<{ rootKey: RootKey; verifierKey: string }> {
  const rootKey = new RootKey(randomBytes(32));
  const signing = createSigningKey(rootKey, ORIGIN);
  const { verifierKey } = new NoteSigner({ name: ORIGIN, key: signing.key });
  const backend = await openDatabase(url);
  await migrate(backend, kernelMigrations);
  await initStore({
    backend,
    guard: new RowGuard(rowGuardKeys(rootKey)),
    deployment: {
      region: REGION,
      origin: ORIGIN,
      root_key_check: rootKey.checkValue,
      verifier_key: verifierKey,
      wrapped_signing_key: signing.wrapped,
    },
    rows: [],
    clockOffset: 0,
  });
  await backend.close();
  return { rootKey, verifierKey };
}

/** Puts an event on record in a batch of its own. */
function record(store: Store, encode = encodeEvent): Promise<void> {
  return new Promise((settle) => {
    const submission = {
      ticket: { eventId: randomUUID().toUpperCase(), abandoned: false },
      encodeEvent: (epoch: number) => ({ text: encode(epoch) }),
      isCurrent: () => true,
      window: undefined,
      inserts: [],
      again: () => Promise.resolve(submission),
      settle,
    };
    store.committer.submit(submission);
  });
}

function control(store: Store): Promise<void> {
  return store.control.run(({ epoch }) => Promise.resolve({ result: undefined, event: encodeEvent(epoch) }));
}

forEachDatabase((database) => {
  test("verifies and exports what the processes of a deployment wrote, against a bundle saved while one of them ran", async () => {
    await using instance = await database.create();
    const { url } = instance;
    const { rootKey, verifierKey } = await initialise(url);
    const open = async (node: string) => Store.open({ backend: await openDatabase(url), rootKey, node, observer });
    const [nodeA, nodeB] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];

    const first = await open(nodeA);
    await record(first);
    await control(first);
    await record(first);
    await first.close();
    const again = await open(nodeA);
    await record(again);
    const other = await open(nodeB);
    await Promise.all(Array.from({ length: 20 }, () => record(other)));
    await other.close();

    const savedCheckpoints = await withDatabaseLogs(url, (source) => readCheckpointBundle({ source, verifierKey }));
    await again.close();
    await withDatabaseLogs(url, (source) =>
      withTemporaryDirectory(async (directory) => {
        const report = await verifyAudit({ source, verifierKey, savedCheckpoints });
        assert.deepEqual(
          report.logs.map(({ name, findings, notes }) => ({ name, findings, notes })),
          ["control", "shard-1", "shard-2"].map((name) => ({ name, findings: [], notes: [] })),
        );
        assert.deepEqual(report.findings, []);
        assert.deepEqual(
          report.logs.map(({ events }) => events),
          [8, 3, 20],
        );
        await exportAudit({ source, directory });
        assert.deepEqual(
          await verifyAudit({ source: new ExportedLogs(directory), verifierKey, savedCheckpoints }),
          report,
        );
      }),
    );
  });

  test("proves an event, and verifies with several threads", async () => {
    await using instance = await database.create();
    const { url } = instance;
    const { rootKey, verifierKey } = await initialise(url);
    const node = randomBytes(16).toString("hex");
    const store = await Store.open({ backend: await openDatabase(url), rootKey, node, observer });
    let event = "";
    for (let batch = 0; batch < 30; batch++) {
      await record(store, (epoch) => {
        const text = encodeEvent(epoch);
        if (batch === 17) event = text;
        return text;
      });
    }
    await store.close();
    const { eventId } = JSON.parse(event) as { eventId: string };
    await withDatabaseLogs(url, async (source) => {
      const proof = await proveEvent({ source, verifierKey, wanted: { eventId } });
      assert.deepEqual(verifyEventProof(proof, verifierKey), { log: "shard-1", index: 34, size: 60, eventId, event });
      let steps = 0;
      const onProgress = ({ log }: { log: string }) => (steps += log === "shard-1" ? 1 : 0);
      const report = await verifyAudit({ source, verifierKey, batchesPerThread: 10, onProgress });
      assert.equal(steps < 30, availableParallelism() > 1, `${steps} steps`);
      assert.deepEqual(report, await verifyAudit({ source, verifierKey }));
      assert.equal(report.ok, true);
    });
  });
});
