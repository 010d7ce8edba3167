import type { EntityKind } from "../store/entity-cache.ts";
import { type AccountKeys, accountKeysKind } from "./account-keys.ts";
import type { DeploymentKeys } from "./deployment-keys.ts";
import type { Keystore } from "./keystore.ts";

/** What operations may use of the keys that this process holds open. */
export interface Custody {
  /** Keeps the versions of keys that name no instance. */
  readonly keystore: Keystore;
  /** The keys that wrap what belongs to an account, by account id. */
  readonly accountKeys: EntityKind<AccountKeys>;
}

export function openCustody(options: { keys: DeploymentKeys; keystore: Keystore }): Custody {
  return { keystore: options.keystore, accountKeys: accountKeysKind(options.keys) };
}
