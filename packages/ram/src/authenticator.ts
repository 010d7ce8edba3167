import {
  type Authenticator,
  type DeploymentKeys,
  type EntityFinder,
  type IdentifiedKey,
  isIssuedAccessKeyId,
  Lru,
} from "@cinnabar/kernel";
import { type AccessKey, accessKeyKind } from "./access-key.ts";
import { type Account, accountKind } from "./account.ts";

const ISSUED_IDS_KEPT = 10_000;

/** Finds the caller behind an AccessKey of this deployment. */
export function createAuthenticator(keys: DeploymentKeys): Authenticator {
  const kind = accessKeyKind(keys);
  const tagKey = keys.accessKeyTag;
  // Checking the tag costs as much as a signature's share of a request: once is enough for an id that passed.
  const issued = new Lru<string, true>(ISSUED_IDS_KEPT);
  return {
    isIssued(accessKeyId) {
      if (issued.get(accessKeyId) === true) return true;
      if (!isIssuedAccessKeyId(tagKey, accessKeyId)) return false;
      issued.set(accessKeyId, true);
      return true;
    },

    // Nearly always both entities are in memory: then there is nothing to wait for.
    find(finder, accessKeyId) {
      const key = finder.find(kind, accessKeyId);
      return key instanceof Promise ? key.then((found) => identify(finder, found)) : identify(finder, key);
    },
  };
}

function identify(
  finder: EntityFinder,
  key: AccessKey | undefined,
): IdentifiedKey | undefined | Promise<IdentifiedKey | undefined> {
  if (key === undefined) return undefined;
  const account = finder.find(accountKind, key.accountId);
  return account instanceof Promise ? account.then((found) => toIdentified(key, found)) : toIdentified(key, account);
}

function toIdentified(key: AccessKey, account: Account | undefined): IdentifiedKey | undefined {
  if (account === undefined) return undefined;
  return {
    principal: { type: "root-account", accountId: account.id, accessKeyId: key.id },
    secret: key.secret,
    refusedAs: key.isActive && account.isEnabled ? undefined : "InvalidAccessKeyId.Inactive",
  };
}
