import {
  aloneAtFirstStart,
  type Backend,
  createSigningKey,
  DeploymentKeys,
  initStore,
  kyselyOn,
  loadDeployment,
  migrate,
  openDeploymentKeys,
  peekDeployment,
  type RootKey,
  RowGuard,
  type Seal,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import { type NewAccessKey, newAccount } from "@cinnabar/ram";
import { isEmulatorOrigin } from "./emulator/emulator-mark.ts";
import { OperatorError } from "./operator-error.ts";
import { migrations } from "./tables.ts";

/** The store cannot be opened with the root key at hand. The message is for the operator. */
export class RootKeyError extends Error {
  override readonly name = "RootKeyError";
}

export interface OpenedDeployment {
  readonly rootKey: RootKey;
  readonly origin: string;
  /** C2SP verifier key of the checkpoints. */
  readonly verifierKey: string;
  /** True if the store was empty and is a deployment only now. */
  readonly isNew: boolean;
}

/** What a deployment is given once, at its beginning. */
export interface NewDeployment {
  readonly region: string;
  /** First part of the origin of every log's checkpoints. */
  readonly origin: string;
  /** Milliseconds that the store's time is ahead of the database's clock; 0 but in tests. */
  readonly clockOffset: number;
  /** Called with the root's AccessKey before the store is written: keeps it, so that no crash can lose it. */
  keep(account: NewAccessKey): Promise<void>;
}

/**
 * Finds the root key that fits the store and brings the schema up to date; an empty store becomes a new deployment. Of
 * several processes that find one empty PostgreSQL database, one makes the deployment, and the others open it then.
 *
 * @param options.waiting - called if another process is making the deployment right now, and is waited for.
 * @param options.isEmulator - whether the emulator opens it, which only opens what it made, and nothing else opens that.
 * @throws {@link RootKeyError} if the root key is missing or another one; then nothing was touched. OperatorError if the
 * store is an emulator's and should not be, or the other way round. TamperedRowError if the store's description was
 * changed.
 */
export async function openDeployment(options: {
  backend: Backend;
  seal: Seal;
  create: NewDeployment;
  isEmulator?: boolean;
  waiting?: (() => void) | undefined;
}): Promise<OpenedDeployment> {
  const { backend, waiting = () => undefined } = options;
  const found = await findDeployment(options);
  if (found !== undefined) return found;
  return aloneAtFirstStart(backend, {
    waiting,
    body: async () => (await findDeployment(options)) ?? makeDeployment(options),
  });
}

/** Where a deployment is, or is going to be. */
interface Place {
  readonly backend: Backend;
  readonly seal: Seal;
  readonly isEmulator?: boolean;
}

/** `undefined` if the store is empty. */
async function findDeployment({ backend, seal, isEmulator = false }: Place): Promise<OpenedDeployment | undefined> {
  const known = await peekDeployment(backend);
  if (known === undefined) return undefined;
  assertMade({ origin: known.origin, isEmulator });
  const rootKey = await openRootKey(seal, known.rootKeyCheck);
  await migrate(backend, migrations);
  // Looked at without the root key it could have been anybody's: only what carries its MAC is told.
  const guard = new RowGuard((await openDeploymentKeys(backend, rootKey)).guardKeys);
  const { origin, verifier_key: verifierKey } = await loadDeployment(backend, guard);
  // Before, the origin was nobody's word.
  assertMade({ origin, isEmulator });
  return { rootKey, origin, verifierKey, isNew: false };
}

async function makeDeployment(options: Place & { readonly create: NewDeployment }): Promise<OpenedDeployment> {
  const { backend, seal, isEmulator = false } = options;
  assertMade({ origin: options.create.origin, isEmulator });
  if (isEmulator && (await seal.claim()) !== undefined) {
    throw new OperatorError(
      `The emulator makes a root key of its own, and there is one in ${seal.describe()} already. Give it another data directory with --data; nothing was changed.`,
    );
  }
  const rootKey = (await seal.open()) ?? (await seal.create());
  await migrate(backend, migrations);
  return createDeployment({ backend, rootKey, create: options.create });
}

/** @throws OperatorError if a store was made by the emulator and is opened by a server, or the other way round. */
function assertMade({ origin, isEmulator }: { origin: string; isEmulator: boolean }): void {
  if (isEmulatorOrigin(origin) === isEmulator) return;
  throw new OperatorError(
    isEmulator
      ? "This store was not made by the emulator, which works in none but its own. Give it another data directory with --data; nothing was changed."
      : "This store was made by the emulator: its time was moved and its keys were guarded by nobody. Only --emulator opens it; nothing was changed.",
  );
}

/** The root key that a store is sealed under. @throws {@link RootKeyError} if it is missing or another one. */
export async function openRootKey(seal: Seal, expected: string): Promise<RootKey> {
  // Looked at first, so that nobody is asked for the passphrase or the shares of another store.
  const holding = await seal.holding(expected);
  const claimed = await holding.claim();
  if (claimed !== undefined && claimed !== expected) throw anotherRootKey({ seal, expected, found: claimed });
  const rootKey = await holding.open();
  if (rootKey === undefined) {
    throw new RootKeyError(
      `The store is sealed under the root key ${expected}, and there is none in ${seal.describe()}. Name the right one with --seal; nothing was changed.`,
    );
  }
  if (rootKey.checkValue !== expected) throw anotherRootKey({ seal, expected, found: rootKey.checkValue });
  return rootKey;
}

/** The seal that was named keeps another root key than the store's. */
export function anotherRootKey(options: { seal: Seal; expected: string; found: string }): RootKeyError {
  const { seal, expected, found } = options;
  return new RootKeyError(
    `The store is sealed under the root key ${expected}, but the one in ${seal.describe()} is ${found}. Name the right one with --seal, or copy it from where the root key was rotated; nothing was changed.`,
  );
}

async function createDeployment(options: {
  backend: Backend;
  rootKey: RootKey;
  create: NewDeployment;
}): Promise<OpenedDeployment> {
  const { backend, rootKey, create } = options;
  const { region, origin, clockOffset } = create;
  const keys = DeploymentKeys.create(rootKey);
  const guard = new RowGuard(keys.guardKeys);
  const signing = createSigningKey(rootKey, origin);
  const { verifierKey } = new NoteSigner({ name: origin, key: signing.key });
  const account = newAccount({
    keys,
    guard,
    db: kyselyOn(backend.kind, backend.reader),
    now: (await backend.clock()) + clockOffset,
  });
  try {
    await create.keep(account);
    await initStore({
      backend,
      guard,
      deployment: {
        region,
        origin,
        root_key_check: rootKey.checkValue,
        verifier_key: verifierKey,
        wrapped_signing_key: signing.wrapped,
        wrapped_keys: keys.wrap(rootKey, { origin }),
      },
      rows: account.rows,
      clockOffset,
    });
  } finally {
    account.secret.fill(0);
  }
  return { rootKey, origin, verifierKey, isNew: true };
}
