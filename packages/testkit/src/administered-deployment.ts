import {
  type Backend,
  ControlStore,
  FileSeal,
  openDeploymentKeys,
  openPostgresql,
  RowGuard,
  SqliteBackend,
} from "@cinnabar/kernel";
import { Instances } from "@cinnabar/kms";
import { Administration, OidcProviders, Services } from "@cinnabar/ram";

const SQLITE_SCHEME = "sqlite:";

/** What an operator does with accounts, instances, services and identity providers, beside the servers. */
export type OpenedAdministration = Administration & {
  readonly instances: Instances;
  readonly services: Services;
  readonly providers: OidcProviders;
} & AsyncDisposable;

/** Opens the store of servers that run, as the operator's commands do. @param options.database - as `--database` takes it. */
export async function openAdministration(options: {
  readonly database: string;
  readonly rootKeyFile: string;
}): Promise<OpenedAdministration> {
  const backend = await open(options.database);
  const rootKey = await new FileSeal(options.rootKeyFile).open();
  if (rootKey === undefined) throw new Error(`${options.rootKeyFile} has no root key`);
  const keys = await openDeploymentKeys(backend, rootKey);
  const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
  const administration = new Administration({ store, keys });
  const instances = new Instances(store);
  const services = new Services({ store, keys });
  const providers = new OidcProviders(store);
  return Object.assign(administration, {
    instances,
    services,
    providers,
    [Symbol.asyncDispose]: () => backend.close(),
  });
}

async function open(url: string): Promise<Backend> {
  return url.startsWith(SQLITE_SCHEME) ? SqliteBackend.open(url.slice(SQLITE_SCHEME.length)) : openPostgresql(url);
}
