import { access } from "node:fs/promises";
import {
  assertMigrated,
  type Backend,
  ControlStore,
  type DeploymentKeys,
  openDeploymentKeys,
  peekDeployment,
  type RootKey,
  RowGuard,
  UnknownOutcomeError,
} from "@cinnabar/kernel";
import { Instances } from "@cinnabar/kms";
import { Administration, OidcProviders, Services } from "@cinnabar/ram";
import type { Configuration } from "../configuration/index.ts";
import { openDatabase } from "../database.ts";
import { openRootKey } from "../open-deployment.ts";
import { OperatorError } from "../operator-error.ts";
import { createSeal } from "../seal/index.ts";
import { migrations } from "../tables.ts";

const SQLITE_SCHEME = "sqlite:";

/** A store as an operator's command has it open. */
export interface OpenedStore {
  readonly store: ControlStore;
  readonly rootKey: RootKey;
  readonly keys: DeploymentKeys;
}

/**
 * Opens the store of a deployment that is there, for a command of its operator. Servers may run meanwhile: the data
 * directory's lock is theirs and is not asked for (docs/decisions/0008).
 *
 * @throws OperatorError if there is no deployment.
 */
export async function withStore<T>(configuration: Configuration, run: (opened: OpenedStore) => Promise<T>): Promise<T> {
  // What SQLite makes beside its file is for the owner alone.
  process.umask(0o077);
  await using undo = new AsyncDisposableStack();
  const backend = undo.adopt(await openExistingDatabase(configuration.database), (opened) => opened.close());
  const known = await peekDeployment(backend);
  if (known === undefined) throw noDeployment();
  await assertMigrated(backend, migrations);
  const rootKey = await openRootKey(await createSeal(configuration.seal, configuration), known.rootKeyCheck);
  const keys = await openDeploymentKeys(backend, rootKey);
  const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
  return await run({ store, rootKey, keys });
}

/**
 * Opens the store for a command that administers its accounts.
 *
 * @throws OperatorError as {@link withStore}, or if it is not known whether a change took effect.
 */
export async function withAdministration<T>(
  configuration: Configuration,
  run: (administration: Administration) => Promise<T>,
): Promise<T> {
  return withChangedStore(configuration, ({ store, keys }) => run(new Administration({ store, keys })));
}

/** Opens the store for a command that administers providers. @throws OperatorError as {@link withAdministration}. */
export async function withOidcProviders<T>(
  configuration: Configuration,
  run: (providers: OidcProviders) => Promise<T>,
): Promise<T> {
  return withChangedStore(configuration, ({ store }) => run(new OidcProviders(store)));
}

/** Opens the store for a command that administers services. @throws OperatorError as {@link withAdministration}. */
export async function withServices<T>(
  configuration: Configuration,
  run: (services: Services) => Promise<T>,
): Promise<T> {
  return withChangedStore(configuration, ({ store, keys }) => run(new Services({ store, keys })));
}

/** Opens the store for a command that administers instances. @throws OperatorError as {@link withAdministration}. */
export async function withInstances<T>(
  configuration: Configuration,
  run: (instances: Instances) => Promise<T>,
): Promise<T> {
  return withChangedStore(configuration, ({ store }) => run(new Instances(store)));
}

function withChangedStore<T>(configuration: Configuration, run: (opened: OpenedStore) => Promise<T>): Promise<T> {
  return withStore(configuration, async (opened) => {
    try {
      return await run(opened);
    } catch (error) {
      if (!(error instanceof UnknownOutcomeError)) throw error;
      throw new OperatorError(
        "The disk did not confirm the change, and it may have taken effect or not: list what was to be changed to see which.",
        { cause: error },
      );
    }
  });
}

/** To open a SQLite file that is missing would make one. @throws OperatorError if there is none. */
export async function openExistingDatabase(url: string): Promise<Backend> {
  if (url.startsWith(SQLITE_SCHEME)) {
    await access(url.slice(SQLITE_SCHEME.length)).catch((error: unknown) => {
      throw noDeployment(error);
    });
  }
  return openDatabase(url);
}

/** There is no store, or an empty one. */
export function noDeployment(cause?: unknown): OperatorError {
  return new OperatorError("There is no deployment here. Are --data and --database right? cinnabar init makes one.", {
    cause,
  });
}
