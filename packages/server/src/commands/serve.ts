import { flushCompileCache } from "node:module";
import { hostname } from "node:os";
import { createLogger, type Logger, peekDeployment } from "@cinnabar/kernel";
import type { Configuration } from "../configuration/index.ts";
import { exposureWarnings } from "../data-directory/index.ts";
import { openDatabase } from "../database.ts";
import { LogOutput } from "../log-output.ts";
import { CinnabarNode, type LogOptions, type NodeOptions } from "../node.ts";
import { raiseRefusedStart } from "../refused-start.ts";
import { describeAsynchronous, readReplication, type Replication } from "../replication.ts";
import { createSeal, type Unsealed, waitUntilUnsealed } from "../seal/index.ts";
import type { TlsMaterial } from "../tls/index.ts";
import { banner } from "./banner.ts";
import { NodeDirectory } from "./node-directory.ts";
import { runCommand } from "./run-command.ts";

const USAGE = `Usage: cinnabar serve [SETTINGS]

Serves the API. The first start makes the data directory, a root key and an account.

Example: cinnabar serve --data /var/lib/cinnabar --listen 0.0.0.0:8443 --tls`;

/** Longest time from the first signal to the end, in milliseconds: a database that does not answer may not hold it up. */
const END_PATIENCE_MILLIS = 30_000;

/**
 * `cinnabar serve`: serves until it is told to stop by SIGINT, SIGTERM or SIGHUP, with which a terminal ends.
 *
 * @param argv - what follows the command.
 * @param options.onReady - called when it serves.
 * @returns the exit code.
 */
export function serve(argv: readonly string[], { onReady }: { readonly onReady?: () => void } = {}): Promise<number> {
  return runCommand({
    argv,
    usage: USAGE,
    async run(configuration) {
      const log = logOf(configuration);
      try {
        await serveUntilStopped(configuration, { log, onReady });
      } catch (error) {
        raiseRefusedStart(error, createLogger({ ...log, now: Date.now }));
        throw error;
      }
    },
  });
}

/** The log on standard error. However the process ends, what was logged before still leaves. */
function logOf({ logLevel: level }: Configuration): LogOptions {
  const destination = new LogOutput();
  const log = createLogger({ level, destination, now: Date.now });
  destination.onDropped((lines) => log.warn({ lines }, "log lines were dropped: standard error did not take them"));
  process.once("exit", () => destination.finish());
  return { level, destination, dropped: () => destination.dropped };
}

async function serveUntilStopped(
  configuration: Configuration,
  { log, onReady }: { readonly log: LogOptions; readonly onReady: (() => void) | undefined },
): Promise<void> {
  // Before anything else: also what has only begun to start is ended in order.
  const stopped = untilSignal({ orParentEnds: configuration.emulator });
  if (configuration.emulator) await (await loadEmulator()).assertOwnDirectory(configuration.data);
  await using directory = await NodeDirectory.open(configuration);
  const tls = await tlsMaterial(configuration);
  await using unsealed = await unseal(configuration, { directory, tls, log, stopped });
  if (unsealed === undefined) return;
  await using server = await startServer(configuration, {
    database: configuration.database,
    seal: unsealed.seal,
    nodeId: directory.nodeId,
    listen: configuration.listen,
    adminListen: configuration.adminListen,
    listeners: unsealed.listeners,
    tls,
    create: directory.create,
    log,
    nonceSlots: configuration.nonceSlots,
    throttle: configuration.throttle,
    accountQuotas: configuration.accountQuotas,
    isStrict: configuration.compatibility === "strict",
    trustedProxies: configuration.trustedProxies,
    maxConnectionsPerAddress: configuration.maxConnectionsPerAddress,
    checkpointTo: configuration.checkpointTo,
    destruction: {
      delayMillis: configuration.destructionDelay,
      backupRetentionMillis: configuration.backupRetention,
    },
    retention: { keepMillis: configuration.auditRetention, maxBytes: configuration.auditMaxSize },
    // What is in memory may contradict the store: nothing may be answered or written from it any more.
    fatal: () => process.exit(1),
  });
  const { node } = server;
  for (const sentence of await directory.settle(node.store.backend, node.verifierKey)) node.log.warn(sentence);
  await directory.rootAccessKey.rewriteEndpoint(node.url);
  await directory.lock.announce(node.url);
  // Nobody relies on an emulator's secrets.
  if (!configuration.emulator) await warn(configuration, { node, directory });
  const replication = await readReplication(node.store.backend);
  if (replication !== undefined) logReplication(node.log, replication);
  process.stdout.write(await banner(configuration, { node, directory, tls, replication }));
  flushCompileCache();
  onReady?.();
  node.log.info({ url: node.url, signal: await stopped }, "stopping");
}

/** A node alone, or in the hands of an emulator, which may replace it. */
async function startServer(
  configuration: Configuration,
  options: NodeOptions,
): Promise<AsyncDisposable & { readonly node: CinnabarNode }> {
  if (configuration.emulator) return (await loadEmulator()).Emulator.start(options, configuration.data);
  const node = await CinnabarNode.start(options);
  return { node, [Symbol.asyncDispose]: () => node.stop() };
}

function loadEmulator(): Promise<typeof import("../emulator/index.ts")> {
  return import("../emulator/index.ts");
}

/**
 * The seal to start with. One of shares that nobody gave at start is waited for, sealed; `undefined` if the process was
 * to end first.
 */
async function unseal(
  configuration: Configuration,
  parts: {
    directory: NodeDirectory;
    tls: TlsMaterial | undefined;
    log: LogOptions;
    stopped: Promise<NodeJS.Signals>;
  },
): Promise<Unsealed | undefined> {
  const { listen, adminListen, seal, unsealFrom } = configuration;
  const { directory, tls, log, stopped } = parts;
  if (seal.kind !== "shamir" || unsealFrom !== undefined) {
    return { seal: directory.seal, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  return waitUntilUnsealed({
    listen,
    adminListen,
    tls,
    trustedProxies: configuration.trustedProxies,
    maxConnectionsPerAddress: configuration.maxConnectionsPerAddress,
    log: createLogger({ ...log, now: Date.now }),
    droppedLogLines: log.dropped,
    expected: await rootKeyOfStore(configuration.database),
    seal: (giver) => createSeal(seal, { giver }),
    stopped,
    announce: ({ url, adminUrl, adminListen: bound }) =>
      process.stdout.write(
        [
          "Cinnabar is sealed.",
          `  API            ${url} answers 503`,
          `  Admin          ${adminUrl}/healthz /readyz /metrics /unseal`,
          `  Seal           ${directory.seal.describe()}`,
          "",
          `Whoever has a share gives it on this machine: cinnabar unseal --admin-listen ${bound}`,
          "",
          "",
        ].join("\n"),
      ),
  });
}

/** `undefined` if the store is empty. */
async function rootKeyOfStore(database: string): Promise<string | undefined> {
  await using undo = new AsyncDisposableStack();
  const backend = undo.adopt(await openDatabase(database), (opened) => opened.close());
  return (await peekDeployment(backend))?.rootKeyCheck;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP; further ones change nothing, since npm and the terminal each send one.
 *
 * @param options.orParentEnds - whether to end also with the process that started this one, where it holds a channel of
 * Node's to it: a test that was killed leaves no emulator behind.
 */
function untilSignal({ orParentEnds }: { readonly orParentEnds: boolean }): Promise<NodeJS.Signals> {
  const { promise, resolve: stop } = Promise.withResolvers<NodeJS.Signals>();
  const onSignal = (signal: NodeJS.Signals): void => {
    stop(signal);
    setTimeout(endUnfinished, END_PATIENCE_MILLIS).unref();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  if (orParentEnds && process.connected) {
    process.once("disconnect", () => onSignal("SIGTERM"));
    // It is not to hold the process.
    process.channel?.unref();
  }
  return promise;
}

/** What was answered is on record whatever happens; the next start says what is in doubt. */
function endUnfinished(): void {
  process.stderr.write(`cinnabar: not everything could be finished within ${END_PATIENCE_MILLIS / 1000} s; ended.\n`);
  process.exit(1);
}

async function tlsMaterial({ data, listen, tls }: Configuration): Promise<TlsMaterial | undefined> {
  if (tls.kind === "none") return undefined;
  // What makes certificates is large, and most starts need none of it.
  const { ensureServerCertificate, loadGivenCertificate, serverNames } = await import("../tls/index.ts");
  const now = Date.now();
  switch (tls.kind) {
    case "files":
      return loadGivenCertificate({ certFile: tls.certFile, keyFile: tls.keyFile, now });
    case "own-ca": {
      const names = serverNames({ listenHost: listen.host, hostname: hostname(), more: tls.names });
      return ensureServerCertificate({ directory: data, names, now });
    }
  }
}

interface Started {
  readonly node: CinnabarNode;
  readonly directory: NodeDirectory;
}

function logReplication(log: Logger, replication: Replication): void {
  switch (replication.kind) {
    case "synchronous":
      log.info({ standbys: replication.standbys }, "PostgreSQL replicates synchronously");
      break;
    case "asynchronous":
      log.warn(`PostgreSQL does not replicate synchronously: ${describeAsynchronous(replication.standbys)}`);
      break;
    case "none":
      log.info("PostgreSQL does not replicate: no standby has what is acknowledged");
      break;
    case "unknown":
      log.info("this database does not say whether it replicates synchronously");
  }
}

async function warn(configuration: Configuration, { node, directory }: Started): Promise<void> {
  const warnings = await exposureWarnings({
    directory: configuration.data,
    // Under any other seal, the file beside the data gives nothing away.
    rootKeyPath: configuration.seal.kind === "file" ? configuration.seal.path : undefined,
    rootAccessKeyPath: directory.rootAccessKey.path,
    checkpointPath: configuration.checkpointTo?.kind === "file" ? configuration.checkpointTo.path : undefined,
  });
  for (const warning of warnings) node.log.warn(warning);
}
