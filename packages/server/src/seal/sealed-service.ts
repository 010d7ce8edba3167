import { SecretBytes } from "@cinnabar/crypto";
import {
  alarm,
  ApiError,
  type IncomingCall,
  type Logger,
  Metrics,
  newRequestId,
  type RootKey,
  type Seal,
  SealError,
  type ShareGiver,
} from "@cinnabar/kernel";
import {
  type AnswerFormat,
  encodeError,
  encodeInstanceError,
  encodeXmlError,
  type HttpRequest,
  isInstanceRequest,
  parseRequest,
} from "@cinnabar/rpc";

import {
  formatListenAddress,
  type ListenAddress,
  type NodeListeners,
  startAdminListener,
  startRpcListener,
  takenOver,
  type TlsMaterial,
} from "../listener/index.ts";
import { anotherRootKey } from "../open-deployment.ts";
import { OperatorError } from "../operator-error.ts";
import { ShareQueue } from "./share-queue.ts";

/** How long answers under way may take if the process ends sealed, in milliseconds. */
const STOP_GRACE_MILLIS = 2_000;

export interface SealedServiceOptions {
  readonly listen: ListenAddress;
  readonly adminListen: ListenAddress;
  readonly tls: TlsMaterial | undefined;
  readonly trustedProxies: readonly string[];
  readonly maxConnectionsPerAddress: number;
  readonly log: Logger;
  /** How many lines of the log were dropped up to now. */
  readonly droppedLogLines?: (() => number) | undefined;
  /** Check value of the store's root key; `undefined` if the store is empty. */
  readonly expected: string | undefined;
  /** The seal, whose shares come from here. */
  seal(giver: ShareGiver): Promise<Seal>;
  /** Settles when the process is to end. */
  readonly stopped: Promise<unknown>;
  /** Told once, when both listeners are up. */
  announce(addresses: { readonly url: string; readonly adminUrl: string; readonly adminListen: string }): void;
}

export interface Unsealed extends AsyncDisposable {
  /** Opens without asking anybody. */
  readonly seal: Seal;
  /** Those of the sealed server, for the node; left out if it was never sealed. */
  readonly listeners?: NodeListeners;
}

/**
 * Listens where the server is going to, sealed: every call is refused with ServiceUnavailableTemporary, and the admin
 * listener takes shares until there are enough of them. Both then go on listening for the node that opens: until it takes
 * over, calls are refused as before.
 *
 * @returns `undefined` if the process was to end first.
 * @throws RootKeyError or OperatorError, before anything listens, if the seal cannot be that of the store.
 */
export async function waitUntilUnsealed(options: SealedServiceOptions): Promise<Unsealed | undefined> {
  const queue = new ShareQueue();
  const named = await options.seal(queue);
  const seal = options.expected === undefined ? named : await named.holding(options.expected);
  await assertIsOfStore(seal, options.expected);

  await using undo = new AsyncDisposableStack();
  const metrics = new Metrics({ now: Date.now });
  undo.use(metrics);
  const { log } = options;
  const admin = await startAdminListener({
    ...options.adminListen,
    metrics,
    ready: () => ({ ready: false, reasons: [describeProgress(queue)] }),
    unseal: (text) => giveShare(queue, text),
  });
  undo.defer(() => admin.stop());
  const listener = await startRpcListener({
    ...options.listen,
    tls: options.tls,
    trustedProxies: options.trustedProxies,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress,
    handle: refuse,
    onRefused: (reason) => metrics.refused(reason),
  });
  undo.defer(() => listener.stop(STOP_GRACE_MILLIS));
  metrics.watchAlarm("sealed", () => true);
  if (options.droppedLogLines !== undefined) metrics.watchDroppedLogLines(options.droppedLogLines);
  log.warn({ ...alarm("sealed"), seal: seal.describe() }, "sealed: waiting for shares");
  options.announce({
    url: listener.url,
    adminUrl: admin.url,
    adminListen: formatListenAddress(admin.address),
  });

  const opening = seal.open();
  const ended = options.stopped.then(() => queue.close(new StoppedError("stopped while sealed")));
  let rootKey: RootKey | undefined;
  try {
    rootKey = await opening;
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
    await ended;
    return undefined;
  }
  if (rootKey === undefined) throw noSeal(seal);
  log.warn({ seal: seal.describe() }, "unsealed");
  const standing = undo.move();
  return {
    seal: alreadyOpen(seal, rootKey),
    listeners: takenOver({ admin, rpc: listener }),
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  };
}

class StoppedError extends Error {}

/** Before anybody is asked for a share: would they open this store at all? */
async function assertIsOfStore(seal: Seal, expected: string | undefined): Promise<void> {
  const claimed = await seal.claim();
  if (claimed === undefined) throw noSeal(seal);
  if (expected === undefined) {
    throw new OperatorError(`There is a seal, ${seal.describe()}, and no store: run \`cinnabar init\` with it first.`);
  }
  if (claimed !== expected) throw anotherRootKey({ seal, expected, found: claimed });
}

function noSeal(seal: Seal): OperatorError {
  return new OperatorError(
    `There is no root key in ${seal.describe()}. Name the right one with --seal, or make a deployment with \`cinnabar init --seal shamir:3of5\`; nothing was changed.`,
  );
}

function describeProgress({ progress: { given, needed } }: ShareQueue): string {
  return `the server is sealed: ${given} of ${needed} shares were given`;
}

async function giveShare(queue: ShareQueue, text: Buffer): Promise<{ status: number; answer: object }> {
  try {
    return { status: 200, answer: await queue.give(new SecretBytes(text)) };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return { status: 422, answer: { error: error.message } };
  }
}

function refuse(call: IncomingCall): void {
  const requestId = newRequestId();
  const error = new ApiError("ServiceUnavailableTemporary", "The server is sealed. Send the request again later.");
  const host = call.http.headers["host"];
  const { code, message, status: httpStatus } = error;
  const answer = { requestId, hostId: typeof host === "string" ? host : "", code, message, httpStatus };
  const format = formatOf(call.http);
  call.respond({
    status: httpStatus,
    body: ENCODINGS[format](answer),
    format,
    requestId,
  });
}

const ENCODINGS: Readonly<Record<AnswerFormat, (answer: Parameters<typeof encodeError>[0]) => string | Uint8Array>> = {
  JSON: encodeError,
  XML: encodeXmlError,
  PROTOBUF: encodeInstanceError,
};

function formatOf(http: HttpRequest): AnswerFormat {
  if (isInstanceRequest(http.headers)) return "PROTOBUF";
  try {
    return parseRequest(http).format;
  } catch {
    return "JSON";
  }
}

/** Opens once, and does not keep the root key afterwards: a server needs it at its start alone. */
function alreadyOpen(seal: Seal, rootKey: RootKey): Seal {
  const { checkValue } = rootKey;
  let held: RootKey | undefined = rootKey;
  const opened: Seal = {
    kind: seal.kind,
    path: seal.path,
    rotation: seal.rotation,
    describe: () => seal.describe(),
    claim: async () => checkValue,
    open: async () => {
      const given = held ?? (await seal.open());
      held = undefined;
      return given;
    },
    create: () => seal.create(),
    stage: (key) => seal.stage(key),
    remove: () => seal.remove(),
    holding: async () => opened,
  };
  return opened;
}
