import type { KeyObject } from "node:crypto";
import {
  type AccountId,
  type AccountKeys,
  accountKeysKind,
  type DeploymentKeys,
  type EntityFinder,
  type EntityKind,
  type FoundKey,
  type IdentifiedKey,
  isIssuedSessionKeyId,
  Lru,
  type PresentedKey,
  proceed,
  type RejectedKey,
} from "@cinnabar/kernel";
import { type Account, accountKind } from "../account.ts";
import { type OidcProvider, oidcProviderKind } from "../oidc/provider-repository.ts";
import { type Role, roleKind } from "../role/role-repository.ts";
import { openSecurityToken, parseSecurityToken } from "./security-token.ts";
import { type Session, toSession } from "./session.ts";
import { sessionKeysOf } from "./session-keys.ts";

const SESSIONS_KEPT = 5_000;
/** Each is some 3 KiB, and some times its policy's length with a session policy. */
const SESSION_BYTES = 3_072;
/** What those kept may take together, in bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

const WITHOUT_TOKEN: RejectedKey = { secret: undefined, rejectedAs: "MissingSecurityToken" };
const MALFORMED: RejectedKey = { secret: undefined, rejectedAs: "InvalidSecurityToken.Malformed" };
/** The tag of its id says that there is such a version, or was: perhaps it is newer than what this process has read. */
const OF_UNKNOWN_KEY: RejectedKey = {
  secret: undefined,
  rejectedAs: "InvalidSecurityToken.Expired",
  isOutdated: true,
};
const MISMATCH: RejectedKey = { secret: undefined, rejectedAs: "InvalidSecurityToken.MismatchWithAccessKey" };

/** A session whose token was opened, and with which key. */
interface OpenedSession {
  readonly token: string;
  readonly accountId: AccountId;
  readonly keyVersion: number;
  /** Weak: a key that is destroyed must not live on here. */
  readonly accountKey: WeakRef<KeyObject>;
  readonly session: Session;
}

/**
 * Finds the sessions behind AccessKeys that begin with `STS.`. Nothing of a session is stored: what it is stands in its
 * token. Whether it may be used depends on the roles that were assumed on the way to it, on their accounts and the first
 * caller's, and on the provider, which every call finds anew.
 */
export class SessionFinder {
  readonly #tagKey: KeyObject;
  readonly #accountKeys: EntityKind<AccountKeys>;
  readonly #opened = new Lru<string, OpenedSession>(SESSIONS_KEPT, {
    of: ({ token, session }) => SESSION_BYTES + token.length + (session.principal.sessionPolicy?.bytes ?? 0),
    most: MAX_BYTES,
  });

  constructor(keys: DeploymentKeys) {
    this.#tagKey = keys.accessKeyTag;
    this.#accountKeys = accountKeysKind(keys);
  }

  /** False if the id was certainly never issued with the account and key version that the token names. */
  isIssued({ accessKeyId, securityToken }: PresentedKey): boolean {
    if (securityToken === undefined || this.#opened.get(accessKeyId)?.token === securityToken) return true;
    const sealed = parseSecurityToken(securityToken);
    return sealed === undefined || isIssuedSessionKeyId(this.#tagKey, accessKeyId, sealed);
  }

  find(finder: EntityFinder, { accessKeyId, securityToken }: PresentedKey): FoundKey | Promise<FoundKey> {
    if (securityToken === undefined) return WITHOUT_TOKEN;
    const known = this.#opened.get(accessKeyId);
    if (known?.token !== securityToken) return this.#open(finder, { accessKeyId, securityToken });
    return proceed(finder.find(this.#accountKeys, known.accountId), (keys) => {
      const accountKey = known.accountKey.deref();
      if (accountKey !== undefined && keys?.byVersion.get(known.keyVersion) === accountKey) {
        return identify(finder, known.session);
      }
      this.#opened.delete(accessKeyId);
      return this.#open(finder, { accessKeyId, securityToken });
    });
  }

  #open(
    finder: EntityFinder,
    { accessKeyId, securityToken }: { readonly accessKeyId: string; readonly securityToken: string },
  ): FoundKey | Promise<FoundKey> {
    const sealed = parseSecurityToken(securityToken);
    if (sealed === undefined) return MALFORMED;
    const { accountId, keyVersion } = sealed;
    return proceed(finder.find(this.#accountKeys, accountId), (accountKeys) => {
      const accountKey = accountKeys?.byVersion.get(keyVersion);
      if (accountKey === undefined) return OF_UNKNOWN_KEY;
      const keys = sessionKeysOf(accountKey);
      const claims = openSecurityToken(sealed, keys);
      if (claims === undefined) return MALFORMED;
      if (claims.accessKeyId !== accessKeyId) return MISMATCH;
      const session = toSession(claims, keys);
      // A copy: what came with a request would keep all of it in memory.
      const token = Buffer.from(securityToken, "latin1").toString("latin1");
      const openedWith = new WeakRef(accountKey);
      this.#opened.set(claims.accessKeyId, { token, accountId, keyVersion, accountKey: openedWith, session });
      return identify(finder, session);
    });
  }
}

/** Finds what the session depends on; nearly always all of it is in memory. */
function identify(finder: EntityFinder, session: Session): FoundKey | Promise<FoundKey> {
  const { accountIds, roles, claims } = session;
  const accounts = all(accountIds.map((id) => finder.find(accountKind, id)));
  const current = all(roles.map(({ roleId }) => finder.find(roleKind, roleId)));
  const provider = claims.provider && finder.find(oidcProviderKind, claims.provider.id);
  if (accounts instanceof Promise || current instanceof Promise || provider instanceof Promise) {
    return Promise.all([accounts, current, provider]).then(([accounts, current, provider]) =>
      toIdentified(session, { accounts, roles: current, provider }),
    );
  }
  return toIdentified(session, { accounts, roles: current, provider });
}

function all<E extends object>(
  found: readonly (E | undefined | Promise<E | undefined>)[],
): readonly (E | undefined)[] | Promise<readonly (E | undefined)[]> {
  const settled: (E | undefined)[] = [];
  for (const entity of found) {
    if (entity instanceof Promise) return Promise.all(found.map((one) => Promise.resolve(one)));
    settled.push(entity);
  }
  return settled;
}

function toIdentified(
  { claims, principal, secret, roles: assumed }: Session,
  found: {
    readonly accounts: readonly (Account | undefined)[];
    /** In the order in which they were assumed. */
    readonly roles: readonly (Role | undefined)[];
    readonly provider: OidcProvider | undefined;
  },
): IdentifiedKey {
  const { accounts, roles, provider } = found;
  const isOpen = accounts.every((account) => account?.isEnabled === true);
  const isCurrent =
    roles.every((role, i) => role !== undefined && role.revision === assumed[i]?.revision) &&
    (claims.provider === undefined || provider !== undefined);
  const refusedAs = isOpen ? undefined : "InvalidAccessKeyId.Inactive";
  return {
    principal,
    secret,
    refusedAs: refusedAs ?? (isCurrent ? undefined : "InvalidSecurityToken.Expired"),
    expiresAt: claims.expiresAt,
  };
}
