import type { EntityKind } from "../store/entity-cache.ts";
import { type AccountKeys, accountKeysKind } from "./account-keys.ts";
import type { DeploymentKeys } from "./deployment-keys.ts";
import type { Keystore } from "./keystore.ts";
import { MaterialImport } from "./material-import.ts";
import { MessageBlocks } from "./message-blocks.ts";
import { SlowCryptography } from "./slow-cryptography.ts";

/** What operations may use of the keys that this process holds open. */
export interface Custody {
  /** Keeps the versions of keys that name no instance. */
  readonly keystore: Keystore;
  /** The keys that wrap what belongs to an account, by account id. */
  readonly accountKeys: EntityKind<AccountKeys>;
  /** The messages that this process has reserved of key versions whose messages are counted. */
  readonly messages: MessageBlocks;
  /** Takes in the key material of others. */
  readonly imports: MaterialImport;
  /** Bounds slow work beside the keystore's own. */
  readonly slow: SlowCryptography;
}

/** @param options.slow - the keystore's own, if it has one; with the limits of this machine by default. */
export function openCustody(options: { keys: DeploymentKeys; keystore: Keystore; slow?: SlowCryptography }): Custody {
  const { keys, keystore, slow = new SlowCryptography() } = options;
  const imports = new MaterialImport({ digestKey: keys.importDigest, keystore, slow });
  return { keystore, accountKeys: accountKeysKind(keys), messages: new MessageBlocks(), imports, slow };
}
