import {
  type Authenticator,
  type EntityFinder,
  type IdentifiedKey,
  isIssuedAccessKeyId,
  Lru,
  type RootKey,
} from "@cinnabar/kernel";
import { accessKeyKind } from "./access-key.ts";
import { accountKind } from "./account.ts";

const ISSUED_IDS_KEPT = 10_000;

/** Finds the caller behind an AccessKey of this deployment. */
export function createAuthenticator(rootKey: RootKey): Authenticator {
  const kind = accessKeyKind(rootKey.derive("accessKeySecretWrap"));
  const tagKey = rootKey.derive("accessKeyTag");
  // Checking the tag costs as much as a signature's share of a request: once is enough for an id that passed.
  const issued = new Lru<string, true>(ISSUED_IDS_KEPT);
  return {
    isIssued(accessKeyId) {
      if (issued.get(accessKeyId) === true) return true;
      if (!isIssuedAccessKeyId(tagKey, accessKeyId)) return false;
      issued.set(accessKeyId, true);
      return true;
    },

    async find(finder: EntityFinder, accessKeyId: string): Promise<IdentifiedKey | undefined> {
      const key = await finder.find(kind, accessKeyId);
      if (key === undefined) return undefined;
      const account = await finder.find(accountKind, key.accountId);
      if (account === undefined) return undefined;
      return {
        principal: { type: "root-account", accountId: account.id, accessKeyId: key.id },
        secret: key.secret,
        refusedAs: key.isActive && account.isEnabled ? undefined : "InvalidAccessKeyId.Inactive",
      };
    },
  };
}
