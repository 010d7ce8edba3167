import { assertMigrated, type Backend, peekDeployment, type Seal } from "@cinnabar/kernel";
import { OperatorError } from "../operator-error.ts";
import { SealLock } from "../seal/index.ts";
import { migrations } from "../tables.ts";
import { noDeployment } from "./administered-store.ts";

/** The right to be the only command that moves the root keys of some seals. */
export interface LockedSeals extends Disposable {
  /** Check value of the store's root key: what it was after the lock was taken, not what a command up to then left behind. */
  readonly rootKey: string;
}

/**
 * Takes the locks of seals, for a store that is there.
 *
 * @throws OperatorError if there is no deployment, it is of another version, or another command moves root keys there.
 */
export async function lockSeals(backend: Backend, seals: readonly (Seal | undefined)[]): Promise<LockedSeals> {
  // Before the lock, whose file would be made beside what may be nobody's.
  await peek(backend);
  await assertMigrated(backend, migrations);
  using taken = new DisposableStack();
  const lock = await SealLock.take(seals.map((seal) => seal?.path));
  if (lock === undefined) {
    throw new OperatorError("Another command moves root keys there right now. Run this one when it has ended.");
  }
  taken.use(lock);
  const rootKey = await peek(backend);
  const held = taken.move();
  return { rootKey, [Symbol.dispose]: () => held.dispose() };
}

async function peek(backend: Backend): Promise<string> {
  const known = await peekDeployment(backend);
  if (known === undefined) throw noDeployment();
  return known.rootKeyCheck;
}
