import {
  type Authenticator,
  type DeploymentKeys,
  type EntityFinder,
  type IdentifiedKey,
  isIssuedAccessKeyId,
  Lru,
  ownCopy,
  type Principal,
  proceed,
  rootPrincipal,
} from "@cinnabar/kernel";
import { type AccessKey, accessKeyKind } from "./access-key/access-key-repository.ts";
import { type Account, accountKind } from "./account.ts";
import { ramArn, serviceArn } from "./resource-name.ts";
import { SessionFinder } from "./sts/session-finder.ts";
import { type User, userKind } from "./user/user-repository.ts";

const ISSUED_IDS_KEPT = 10_000;
/** Of the AccessKeys of sessions. */
const SESSION_PREFIX = "STS.";

/** Finds the caller behind an AccessKey of this deployment. */
export function createAuthenticator(keys: DeploymentKeys): Authenticator {
  const kind = accessKeyKind(keys);
  const tagKey = keys.accessKeyTag;
  // Checking the tag costs as much as a signature's share of a request: once is enough for an id that passed.
  const issued = new Lru<string, true>(ISSUED_IDS_KEPT);
  const sessions = new SessionFinder(keys);
  return {
    isIssued(presented) {
      const { accessKeyId } = presented;
      if (accessKeyId.startsWith(SESSION_PREFIX)) return sessions.isIssued(presented);
      if (issued.get(accessKeyId) === true) return true;
      if (!isIssuedAccessKeyId(tagKey, accessKeyId)) return false;
      issued.set(ownCopy(accessKeyId), true);
      return true;
    },

    // Nearly always all entities are in memory: then there is nothing to wait for.
    find(finder, presented) {
      const { accessKeyId } = presented;
      if (accessKeyId.startsWith(SESSION_PREFIX)) return sessions.find(finder, presented);
      return proceed(finder.find(kind, accessKeyId), (key) => identify(finder, key));
    },
  };
}

function identify(
  finder: EntityFinder,
  key: AccessKey | undefined,
): IdentifiedKey | undefined | Promise<IdentifiedKey | undefined> {
  if (key === undefined) return undefined;
  return proceed(finder.find(accountKind, key.accountId), (account) => {
    if (account === undefined) return undefined;
    if (key.userId === undefined) return toIdentified(key, account, ownerPrincipal(account, key.id));
    return proceed(finder.find(userKind, key.userId), (user) =>
      user?.accountId === account.id ? toIdentified(key, account, userPrincipal(user, key.id)) : undefined,
    );
  });
}

function toIdentified(key: AccessKey, account: Account, principal: Principal): IdentifiedKey {
  return {
    principal,
    secret: key.secret,
    refusedAs: key.isActive && account.isEnabled ? undefined : "InvalidAccessKeyId.Inactive",
  };
}

/** Whose the AccessKeys are that belong to no user: the root's, or those of the service that the account is of. */
function ownerPrincipal({ id: accountId, service: serviceName }: Account, accessKeyId: string): Principal {
  if (serviceName === undefined) return rootPrincipal({ accountId, accessKeyId });
  return { type: "service", accountId, accessKeyId, serviceName, arn: serviceArn(accountId, serviceName) };
}

function userPrincipal({ accountId, userId, userName }: User, accessKeyId: string): Principal {
  return { type: "ram-user", accountId, accessKeyId, userId, userName, arn: ramArn(accountId, "user", userName) };
}
