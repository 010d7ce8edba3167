import {
  createLogger,
  findTracing,
  type InjectedFault,
  type Logger,
  type LogLevel,
  Metrics,
  NonceTable,
  openCustody,
  OperationRegistry,
  Pipeline,
  type ProvenCall,
  type Seal,
  SecurityLog,
  SlowCryptography,
  SoftwareKeystore,
  Store,
  Throttle,
  type ThrottlingLimits,
} from "@cinnabar/kernel";
import {
  type AccountQuotas,
  Applications,
  findKeyRight,
  forgetDestroyed,
  instanceOperations,
  keyPolicies,
  kmsOperations,
} from "@cinnabar/kms";
import { createAuthorizer, ramOperations, Separation, stsOperations } from "@cinnabar/ram";
import { instanceShares, sharingOperations } from "@cinnabar/sharing";
import { LastUseFinder, trailOperations } from "@cinnabar/trail";
import type { DestinationStream } from "pino";
import {
  assertNotPutBack,
  type CheckpointAddress,
  CheckpointDelivery,
  checkpointTarget,
  describeCheckpointAddress,
} from "./checkpoints/index.ts";
import { authenticatorOf } from "./authenticator.ts";
import { openDatabase } from "./database.ts";
import { keyUsage } from "./key-usage.ts";
import { ofKeys } from "./key-separation.ts";
import type { DestructionPolicy } from "./destruction/index.ts";
import {
  type AdminListener,
  type ListenAddress,
  type NodeListeners,
  ownListeners,
  type RpcListener,
  type TlsMaterial,
} from "./listener/index.ts";
import { JobRunner } from "./jobs/index.ts";
import { newOwnTail, nodeJobs } from "./node-jobs.ts";
import { type NewDeployment, openDeployment } from "./open-deployment.ts";
import { recordedCalls } from "./policy-trial.ts";
import type { RetentionPolicy } from "./retention/index.ts";
import { sharedAccounts } from "./shared-accounts.ts";
import { StoreWatch } from "./store-watch.ts";
import { Sweeper } from "./sweeper.ts";
import { protectedTables } from "./tables.ts";

const SECURITY_LINES_PER_SECOND = 10;
const SECURITY_FLUSH_MILLIS = 5_000;
/** How long open requests may take to finish when the node stops, in milliseconds. */
const STOP_GRACE_MILLIS = 10_000;

const FOR_EVER: RetentionPolicy = { keepMillis: undefined, maxBytes: undefined };
const AT_ONCE: DestructionPolicy = { delayMillis: 0, backupRetentionMillis: undefined };

/** Where the log goes. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly destination: DestinationStream;
  /** How many lines the destination has dropped; left out by one that drops none. */
  readonly dropped?: (() => number) | undefined;
}

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
  readonly log: LogOptions;
  readonly nonceSlots: number;
  /** Calls a second that one account may make; as many as it likes if left out. */
  readonly throttle?: ThrottlingLimits | undefined;
  /** What one account may have; as much as it likes if left out. The same on every node. */
  readonly accountQuotas?: AccountQuotas | undefined;
  /** Whether CreateKey without an instance makes the account's default key, as in the cloud. */
  readonly isStrict?: boolean | undefined;
  readonly trustedProxies: readonly string[];
  readonly maxConnectionsPerAddress: number;
  /** Where signed checkpoints go beside the database, if anywhere. */
  readonly checkpointTo?: CheckpointAddress | undefined;
  /** What becomes of keys after their deletion is due; left out, they are destroyed at once, and account keys stay. */
  readonly destruction?: DestructionPolicy | undefined;
  /** How long event bodies are kept; left out, for ever. */
  readonly retention?: RetentionPolicy | undefined;
  /** Left out, {@link ownListeners}. */
  readonly listeners?: NodeListeners | undefined;
  /** What makes an emulator of the node; left out by every other. */
  readonly emulator?: EmulatorParts | undefined;
  /** Called when the process must end at once: another one has taken its place, or only a new one can tell what is on disk. */
  fatal(reason: string): void;
}

/** What an emulator does to calls. */
export interface EmulatorParts {
  injectFault(call: ProvenCall): InjectedFault | undefined;
}

/** A node that serves. */
export class CinnabarNode implements AsyncDisposable {
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly sweeper: Sweeper;
  readonly jobs: JobRunner;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The API's URL with the address really bound. */
  readonly url: string;
  readonly adminUrl: string;
  /** C2SP verifier key of the audit log's checkpoints. */
  readonly verifierKey: string;
  /** What {@link CinnabarNode.stop} lets go, the last one first. */
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    store: Store;
    pipeline: Pipeline;
    sweeper: Sweeper;
    jobs: JobRunner;
    metrics: Metrics;
    log: Logger;
    verifierKey: string;
    listener: Pick<RpcListener, "url">;
    admin: Pick<AdminListener, "url">;
    resources: AsyncDisposableStack;
  }) {
    this.store = parts.store;
    this.pipeline = parts.pipeline;
    this.sweeper = parts.sweeper;
    this.jobs = parts.jobs;
    this.metrics = parts.metrics;
    this.log = parts.log;
    this.verifierKey = parts.verifierKey;
    this.url = parts.listener.url;
    this.adminUrl = parts.admin.url;
    this.#resources = parts.resources;
  }

  /**
   * Opens the store and serves.
   *
   * @throws RootKeyError, UnsafeDatabaseError, SealError, NewerStoreError or OperatorError with a sentence for the
   * operator; then nothing listens and nothing was changed.
   */
  static async start(options: NodeOptions): Promise<CinnabarNode> {
    await using undo = new AsyncDisposableStack();
    const metrics = new Metrics({ now: Date.now });
    undo.use(metrics);
    const log = createLogger({ ...options.log, now: Date.now });
    if (options.log.dropped !== undefined) metrics.watchDroppedLogLines(options.log.dropped);
    const { checkpointTo, emulator } = options;
    const delivery = checkpointTo && deliveryTo(checkpointTo, { log, metrics });
    // Ended after the store, whose last checkpoints are signed when it closes.
    if (delivery !== undefined) undo.use(delivery);
    const backend = await openDatabase(options.database);
    await using undoBackend = new AsyncDisposableStack();
    undoBackend.defer(() => backend.close());
    const { rootKey, verifierKey } = await openDeployment({
      backend,
      seal: options.seal,
      create: options.create,
      isEmulator: options.emulator !== undefined,
      waiting: () => log.info("another process is making this deployment: waiting for it"),
    });
    if (checkpointTo?.kind === "file") await assertNotPutBack({ backend, verifierKey, path: checkpointTo.path });
    const tracing = await findTracing();
    const ownTail = newOwnTail();
    const watch = new StoreWatch({
      metrics,
      log,
      tracing,
      fatal: (reason) => options.fatal(reason),
      deliver: (checkpoints) => delivery?.add(checkpoints),
      written: (batch) => ownTail.add(batch),
    });
    const store = await Store.open({ backend, rootKey, node: options.nodeId, observer: watch });
    // From here on the store closes it.
    undoBackend.move();
    undo.adopt(store, (opened) => opened.close());

    const nonces = new NonceTable(options.nonceSlots);
    metrics.watchNonceTable(() => nonces.load);
    watchHealth(metrics, { store, watch });
    if (options.tls !== undefined) metrics.servesCertificate(options.tls.validUntil);
    const securityLog = new SecurityLog({ logger: log, linesPerSecond: SECURITY_LINES_PER_SECOND, now: Date.now });
    const flushing = setInterval(() => securityLog.flush(), SECURITY_FLUSH_MILLIS);
    flushing.unref();
    undo.defer(() => {
      clearInterval(flushing);
      securityLog.flush();
    });
    const slow = new SlowCryptography();
    const keystore = new SoftwareKeystore({ slow });
    store.cache.listen(forgetDestroyed(keystore));
    const custody = openCustody({ keys: store.keys, keystore, slow });
    const lastUse = new LastUseFinder();
    const authorizer = createAuthorizer();
    const authenticator = authenticatorOf(store);
    const separation = new Separation(keyPolicies);
    const pipeline = new Pipeline({
      store,
      registry: new OperationRegistry([
        ...instanceOperations,
        ...kmsOperations({
          keys: store.keys,
          usage: keyUsage,
          authorizer,
          separation: ofKeys(separation),
          shares: instanceShares,
          caChain: options.tls?.ca,
          isStrict: options.isStrict,
          quotas: options.accountQuotas,
        }),
        ...trailOperations(),
        ...ramOperations({
          keys: store.keys,
          findLastUse: (context, accessKey) => lastUse.find(context, accessKey),
          authorizer,
          findRight: findKeyRight,
          separation,
          recorded: recordedCalls(),
          applications: new Applications(store.region),
        }),
        ...stsOperations(store.keys),
        ...sharingOperations(sharedAccounts),
      ]),
      authorizer,
      authenticator,
      custody,
      nonces,
      metrics,
      log,
      securityLog,
      throttle: options.throttle && new Throttle(options.throttle),
      // A caller's clock does not follow an emulator's time.
      callersTime: emulator && Date.now,
      injectFault: emulator && ((call) => emulator.injectFault(call)),
      tracing,
    });
    undo.defer(() => pipeline.close());
    metrics.watchOpenRequests(() => pipeline.open);
    const { guard } = store;
    const sweeper = new Sweeper({ backend, guard, tables: protectedTables, log, metrics });
    const jobs = new JobRunner({
      jobs: nodeJobs({
        store,
        custody,
        ownTail,
        log,
        metrics,
        destruction: options.destruction ?? AT_ONCE,
        quotas: options.accountQuotas,
        retention: options.retention ?? FOR_EVER,
        database: options.database,
      }),
      backend,
      node: options.nodeId,
      log,
    });

    const { listeners = ownListeners } = options;
    const admin = await listeners.startAdmin({
      ...options.adminListen,
      metrics,
      ready: () => readiness(store, watch),
    });
    undo.defer(() => admin.stop());
    const listener = await listeners.startRpc({
      ...options.listen,
      tls: options.tls,
      trustedProxies: options.trustedProxies,
      maxConnectionsPerAddress: options.maxConnectionsPerAddress,
      handle: (call) => pipeline.handle(call),
      isIssuedClientKey: (accessKeyId) =>
        authenticator.isIssued({ accessKeyId, securityToken: undefined, protocol: "RSA_PKCS1_SHA_256" }),
      onRefused: (reason, details) => {
        metrics.refused(reason);
        securityLog.refused(reason, details);
      },
    });
    undo.defer(() => listener.stop(STOP_GRACE_MILLIS));
    sweeper.start();
    undo.defer(() => sweeper.stop());
    jobs.start();
    undo.defer(() => jobs.stop());
    const resources = undo.move();
    return new CinnabarNode({ store, pipeline, sweeper, jobs, metrics, log, verifierKey, listener, admin, resources });
  }

  /** Answers what is open, puts it on record, closes the shard, and lets everything go. */
  stop(): Promise<void> {
    return this.#resources.disposeAsync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function deliveryTo(address: CheckpointAddress, { log, metrics }: { log: Logger; metrics: Metrics }) {
  return new CheckpointDelivery({
    target: checkpointTarget(address),
    name: describeCheckpointAddress(address),
    log,
    metrics,
  });
}

function watchHealth(metrics: Metrics, { store, watch }: { store: Store; watch: StoreWatch }): void {
  metrics.watchReadiness(() => readiness(store, watch).ready);
  metrics.watchAlarm("log-unavailable", () => !watch.isReachable || !store.committer.isHealthy);
  metrics.watchAlarm("clock-behind", () => store.clock.behind);
}

/** Lets the database go also where the shard could not be closed: the next start says then what is in doubt. */
function readiness(store: Store, watch: StoreWatch): { ready: boolean; reasons: string[] } {
  const reasons: string[] = [];
  if (store.clock.behind) reasons.push("the store's clock is behind the times on record");
  if (!watch.isReachable) reasons.push("the store cannot be reached");
  if (!store.committer.isHealthy) reasons.push("the audit log cannot be written");
  return { ready: reasons.length === 0, reasons };
}
