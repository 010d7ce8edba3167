import {
  type Backend,
  createSigningKey,
  initStore,
  kyselyOn,
  loadDeployment,
  migrate,
  peekDeployment,
  type RootKey,
  RowGuard,
  rowGuardKeys,
  type Seal,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import { type NewAccessKey, newAccount } from "@cinnabar/ram";
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
 * Finds the root key that fits the store and brings the schema up to date; an empty store becomes a new deployment.
 *
 * @throws {@link RootKeyError} if the root key is missing or another one; then nothing was touched. TamperedRowError if
 * the store's description was changed.
 */
export async function openDeployment(options: {
  backend: Backend;
  seal: Seal;
  create: NewDeployment;
}): Promise<OpenedDeployment> {
  const { backend, seal } = options;
  const known = await peekDeployment(backend);
  if (known !== undefined) {
    const rootKey = await openRootKey(seal, known.rootKeyCheck);
    await migrate(backend, migrations);
    // Looked at without the root key it could have been anybody's: only what carries its MAC is told.
    const { origin, verifier_key: verifierKey } = await loadDeployment(backend, new RowGuard(rowGuardKeys(rootKey)));
    return { rootKey, origin, verifierKey, isNew: false };
  }
  const rootKey = (await seal.open()) ?? (await seal.create());
  await migrate(backend, migrations);
  return createDeployment({ backend, rootKey, create: options.create });
}

/** The root key that a store is sealed under. @throws {@link RootKeyError} if it is missing or another one. */
export async function openRootKey(seal: Seal, expected: string): Promise<RootKey> {
  // Looked at first, so that nobody is asked for the passphrase or the shares of another store.
  const claimed = await seal.claim();
  if (claimed !== undefined && claimed !== expected) throw anotherRootKey({ seal, expected, found: claimed });
  const rootKey = await seal.open();
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
    `The store is sealed under the root key ${expected}, but the one in ${seal.describe()} is ${found}. Name the right one with --seal; nothing was changed.`,
  );
}

async function createDeployment(options: {
  backend: Backend;
  rootKey: RootKey;
  create: NewDeployment;
}): Promise<OpenedDeployment> {
  const { backend, rootKey, create } = options;
  const { region, origin, clockOffset } = create;
  const guard = new RowGuard(rowGuardKeys(rootKey));
  const signing = createSigningKey(rootKey, origin);
  const { verifierKey } = new NoteSigner({ name: origin, key: signing.key });
  const account = newAccount({
    rootKey,
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
      },
      rows: account.rows,
      clockOffset,
    });
  } finally {
    account.secret.fill(0);
  }
  return { rootKey, origin, verifierKey, isNew: true };
}
