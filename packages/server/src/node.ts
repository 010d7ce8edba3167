import {
  createLogger,
  type Logger,
  type LogLevel,
  Metrics,
  NonceTable,
  openCustody,
  OperationRegistry,
  Pipeline,
  type Seal,
  SecurityLog,
  SoftwareKeystore,
  Store,
  type StoreObserver,
} from "@cinnabar/kernel";
import { kmsOperations } from "@cinnabar/kms";
import { createAuthenticator } from "@cinnabar/ram";
import type { DestinationStream } from "pino";
import { openDatabase } from "./database.ts";
import {
  type AdminListener,
  type ListenAddress,
  type RpcListener,
  startAdminListener,
  startRpcListener,
  type TlsMaterial,
} from "./listener/index.ts";
import { type NewDeployment, openDeployment } from "./open-deployment.ts";
import { Sweeper } from "./sweeper.ts";
import { protectedTables } from "./tables.ts";

const SECURITY_LINES_PER_SECOND = 10;
const SECURITY_FLUSH_MILLIS = 5_000;
/** How long open requests may take to finish when the node stops, in milliseconds. */
const STOP_GRACE_MILLIS = 10_000;

/** Everything a node needs; nothing is read from the environment. */
export interface NodeOptions {
  /** `sqlite:PATH` or `postgres://…`. */
  readonly database: string;
  readonly seal: Seal;
  /** 32 hexadecimal digits that name the node. */
  readonly nodeId: string;
  readonly listen: ListenAddress;
  readonly adminListen: ListenAddress;
  readonly tls: TlsMaterial | undefined;
  readonly create: NewDeployment;
  readonly log: { readonly level: LogLevel; readonly destination: DestinationStream };
  readonly nonceSlots: number;
  readonly trustedProxies: readonly string[];
  readonly maxConnectionsPerAddress: number;
  /** Called when the process must end at once: another one has taken its place, or only a new one can tell what is on disk. */
  fatal(reason: string): void;
}

/** A node that serves. */
export class CinnabarNode {
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly sweeper: Sweeper;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The API's URL with the address really bound. */
  readonly url: string;
  readonly adminUrl: string;
  /** True if this start made the deployment. */
  readonly isNew: boolean;
  /** C2SP verifier key of the audit log's checkpoints. */
  readonly verifierKey: string;
  readonly #listener: RpcListener;
  readonly #admin: AdminListener;
  readonly #flush: NodeJS.Timeout;

  private constructor(parts: {
    store: Store;
    pipeline: Pipeline;
    sweeper: Sweeper;
    metrics: Metrics;
    log: Logger;
    isNew: boolean;
    verifierKey: string;
    listener: RpcListener;
    admin: AdminListener;
    flush: NodeJS.Timeout;
  }) {
    this.store = parts.store;
    this.pipeline = parts.pipeline;
    this.sweeper = parts.sweeper;
    this.metrics = parts.metrics;
    this.log = parts.log;
    this.isNew = parts.isNew;
    this.verifierKey = parts.verifierKey;
    this.url = parts.listener.url;
    this.adminUrl = parts.admin.url;
    this.#listener = parts.listener;
    this.#admin = parts.admin;
    this.#flush = parts.flush;
  }

  /**
   * Opens the store and serves.
   *
   * @throws RootKeyError, UnsafeDatabaseError, SealError or NewerStoreError with a sentence for the operator; then
   * nothing listens and nothing was changed.
   */
  static async start(options: NodeOptions): Promise<CinnabarNode> {
    await using undo = new AsyncDisposableStack();
    const metrics = new Metrics({ now: Date.now });
    undo.use(metrics);
    const log = createLogger({ ...options.log, now: Date.now });
    const backend = await openDatabase(options.database);
    const closeBackend = undo.adopt(backend, (opened) => opened.close());
    const { rootKey, isNew, verifierKey } = await openDeployment({
      backend: closeBackend,
      seal: options.seal,
      create: options.create,
    });
    const observer = observe({ metrics, log, fatal: (reason) => options.fatal(reason) });
    const store = await Store.open({ backend, rootKey, node: options.nodeId, observer });

    const nonces = new NonceTable(options.nonceSlots);
    metrics.watchNonceTable(() => nonces.load);
    const securityLog = new SecurityLog({ logger: log, linesPerSecond: SECURITY_LINES_PER_SECOND, now: Date.now });
    const flush = setInterval(() => securityLog.flush(), SECURITY_FLUSH_MILLIS);
    flush.unref();
    const pipeline = new Pipeline({
      store,
      registry: new OperationRegistry(kmsOperations),
      authenticator: createAuthenticator(rootKey),
      custody: openCustody({ rootKey, keystore: new SoftwareKeystore() }),
      nonces,
      metrics,
      log,
      securityLog,
    });
    const { guard } = store;
    const sweeper = new Sweeper({ backend, guard, tables: protectedTables, log, metrics });

    const admin = await startAdminListener({
      ...options.adminListen,
      metrics,
      ready: () => readiness(store),
    });
    undo.defer(() => admin.stop());
    const listener = await startRpcListener({
      ...options.listen,
      tls: options.tls,
      trustedProxies: options.trustedProxies,
      maxConnectionsPerAddress: options.maxConnectionsPerAddress,
      handle: (call) => pipeline.handle(call),
      onRefused: (reason, details) => {
        metrics.refused(reason);
        securityLog.refused(reason, details);
      },
    });
    sweeper.start();
    undo.move();
    return new CinnabarNode({ store, pipeline, sweeper, metrics, log, isNew, verifierKey, listener, admin, flush });
  }

  /** Answers what is open, puts it on record, closes the shard, and lets everything go. */
  async stop(): Promise<void> {
    clearInterval(this.#flush);
    await this.#listener.stop(STOP_GRACE_MILLIS);
    await this.sweeper.stop();
    this.pipeline.close();
    await this.store.close();
    await this.#admin.stop();
    this.metrics[Symbol.dispose]();
  }
}

function observe(options: { metrics: Metrics; log: Logger; fatal: (reason: string) => void }): StoreObserver {
  const { metrics, log, fatal } = options;
  let lastUnavailable = 0;
  return {
    committed({ events, millis }) {
      metrics.batchEvents.observe(events);
      metrics.batchCommitSeconds.observe(millis / 1000);
    },
    missed: () => metrics.epochRetries.add(),
    unavailable(cause) {
      const now = performance.now();
      if (now - lastUnavailable < 1000) return;
      lastUnavailable = now;
      log.error({ err: cause, alarm: "log-unavailable" }, "the store does not take the audit log's batches");
    },
    fenced(reason) {
      log.fatal({ alarm: "fenced", reason }, "this process must end");
      fatal(reason);
    },
    clockBehind() {
      log.error({ alarm: "clock-behind" }, "the database's clock is behind the times on record: everything is refused");
    },
    checkpointed: (count) => metrics.checkpoints.add(count),
  };
}

function readiness(store: Store): { ready: boolean; reasons: string[] } {
  const reasons: string[] = [];
  if (store.clock.behind) reasons.push("the store's clock is behind the times on record");
  if (!store.committer.isHealthy) reasons.push("the audit log cannot be written");
  return { ready: reasons.length === 0, reasons };
}
