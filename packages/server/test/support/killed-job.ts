/** Destroys or rotates keys, or erases their material (`destroy`, `rotate`, `expire`), as far as that is due in the database given, and is killed at the step given, from 1. */
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
import type { Job } from "../../src/jobs/index.ts";
import { RotateKeys } from "../../src/key-rotation/index.ts";

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
};
const job = jobs[what]?.();
if (job === undefined) throw new Error(`there is no job ${what}`);
steps = 0;
const { signal } = new AbortController();
while (await job.run(signal));
steps = Number.NaN;
await store.close();
metrics[Symbol.dispose]();
