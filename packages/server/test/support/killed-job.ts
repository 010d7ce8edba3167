/**
 * Destroys or rotates keys, erases their material, or retires account keys (`destroy`, `rotate`, `expire`, `retire`), as far as that is
 * due in the database given, as a node does that has claimed the job, and is killed at the step given, from 1.
 */
import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import {
  type Backend,
  createLogger,
  FileSeal,
  Metrics,
  openCustody,
  SoftwareKeystore,
  type SqlConnection,
  Store,
  type StoreObserver,
} from "@cinnabar/kernel";
import { openDatabase } from "../../src/database.ts";
import { DestroyKeys, ExpireMaterial } from "../../src/destruction/index.ts";
import { RetireAccountKeys } from "../../src/destruction/retire-account-keys.ts";
import { type Job, JobRunner } from "../../src/jobs/index.ts";
import { RotateKeys } from "../../src/key-rotation/index.ts";
import { accountKeyUses } from "../../src/tables.ts";

/** The node that each of these processes is, one after the other: so none waits for the end of another one's claim. */
const NODE = "killed";
const BACKUP_RETENTION_MILLIS = 35 * 24 * 60 * 60 * 1000;

const [what = "", url = "", rootKeyFile = "", killedAt = ""] = process.argv.slice(2);
let steps = Number.NaN;

/** Statements inside transactions, the moments before and after each commit, and before and after the log is emptied. */
function step(): void {
  if (++steps === Number(killedAt)) process.kill(process.pid, "SIGKILL");
}

function counted(connection: SqlConnection): SqlConnection {
  return {
    execute(sql, parameters) {
      step();
      return connection.execute(sql, parameters);
    },
  };
}

const inner = await openDatabase(url);
const backend: Backend = {
  kind: inner.kind,
  reader: inner.reader,
  async transaction(mode, body) {
    const result = await inner.transaction(mode, async (connection) => {
      const value = await body(counted(connection));
      step();
      return value;
    });
    step();
    return result;
  },
  commitBatch: (batch) => inner.commitBatch(batch),
  escalate: (body) => inner.escalate(body),
  clock: () => inner.clock(),
  async eraseRemnants(tables) {
    step();
    const isDone = await inner.eraseRemnants(tables);
    step();
    return isDone;
  },
  close: () => inner.close(),
};

const nothing = (): void => {};
const observer: StoreObserver = {
  committed: nothing,
  missed: nothing,
  unavailable: nothing,
  tampered: nothing,
  fenced: nothing,
  clockBehind: nothing,
  checkpointed: nothing,
};
const rootKey = await new FileSeal(rootKeyFile).open();
if (rootKey === undefined) throw new Error("there is no root key");
const store = await Store.open({ backend, rootKey, node: randomBytes(16).toString("hex"), observer });
const metrics = new Metrics({ now: Date.now });
const destination = new Writable({ write: (_chunk, _encoding, done) => done() });
const log = createLogger({ level: "silent", destination, now: Date.now });
const custody = openCustody({ keys: store.keys, keystore: new SoftwareKeystore() });
const jobs: Readonly<Record<string, () => Job>> = {
  destroy: () => new DestroyKeys({ store, log, metrics, delayMillis: 0 }),
  rotate: () => new RotateKeys({ store, custody, log, metrics }),
  expire: () => new ExpireMaterial({ store, custody, log, metrics, delayMillis: 0 }),
  retire: () =>
    new RetireAccountKeys({
      store,
      log,
      metrics,
      uses: accountKeyUses,
      delayMillis: 0,
      backupRetentionMillis: BACKUP_RETENTION_MILLIS,
    }),
};
const job = jobs[what]?.();
if (job === undefined) throw new Error(`there is no job ${what}`);
const runner = new JobRunner({ jobs: [job], backend, node: NODE, log });
steps = 0;
await runner.runDue();
steps = Number.NaN;
await runner.stop();
await store.close();
metrics[Symbol.dispose]();
