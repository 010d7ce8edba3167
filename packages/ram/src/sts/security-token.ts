import { AuthenticationError, lengthPrefixed, randomBytesPooled, XAES_256_GCM } from "@cinnabar/crypto";
import {
  type AccountId,
  type AssumedRole,
  isId,
  MAX_SOURCE_ARN_CHARACTERS,
  type RoleId,
  type SessionKeyId,
  type SessionService,
} from "@cinnabar/kernel";
import type { SessionKeys } from "./session-keys.ts";

// docs/formats/security-token.md
const VERSION = 0x01;
const LABEL = "cinnabar security token v1";
const HEADER_BYTES = 1 + 8 + 4;
const SESSION_KEY_PREFIX = "STS.";
const SESSION_KEY_BYTES = 24;
/** Flags, role id, revision, start, expiry, source account, AccessKeyId. */
const FIXED_BYTES = 1 + 8 + 6 + 6 + 6 + 8 + SESSION_KEY_BYTES;

const MFA_PRESENT = 1;
const HAS_PROVIDER = 2;
const HAS_POLICY = 4;
const HAS_SERVICE = 8;
const ALL_FLAGS = MFA_PRESENT | HAS_PROVIDER | HAS_POLICY | HAS_SERVICE;

/** Longest session policy, in bytes of UTF-8 (STS, "AssumeRole", Policy). */
export const MAX_SESSION_POLICY_BYTES = 2048;
/** Longest name of a role, a session or a provider, in bytes. */
const MAX_NAME_BYTES = 128;
/** Most roles that may have been assumed on the way to a session, without its own. */
export const MAX_EARLIER_ROLES = 7;
/** Account, role id, revision. */
const EARLIER_ROLE_BYTES = 8 + 8 + 6;
const MAX_TOKEN_BYTES =
  HEADER_BYTES +
  XAES_256_GCM.nonceBytes +
  FIXED_BYTES +
  4 * (1 + MAX_NAME_BYTES) +
  1 +
  MAX_EARLIER_ROLES * EARLIER_ROLE_BYTES +
  1 +
  MAX_NAME_BYTES +
  2 +
  MAX_SOURCE_ARN_CHARACTERS +
  MAX_SESSION_POLICY_BYTES +
  XAES_256_GCM.tagBytes;

/** Longest security token, in characters. Without a session policy one has some 180. */
export const MAX_SECURITY_TOKEN_CHARACTERS = Math.ceil((MAX_TOKEN_BYTES * 4) / 3);

/** All that is known of a session: nothing of it is stored. */
export interface SessionClaims {
  /** Of the role. */
  readonly accountId: AccountId;
  readonly accessKeyId: SessionKeyId;
  readonly roleId: RoleId;
  readonly roleName: string;
  /** The session ends when the role has another one. */
  readonly roleRevision: number;
  readonly sessionName: string;
  /** Store time in milliseconds since 1970. */
  readonly startedAt: number;
  readonly expiresAt: number;
  /** The account of whoever came first, who had no session. */
  readonly sourceAccountId: AccountId;
  readonly mfaPresent: boolean;
  /** The provider that vouched for whoever came first; the session ends with it. */
  readonly provider: { readonly id: string; readonly name: string } | undefined;
  /**
   * The roles that were assumed on the way here, each once and not this one, at most {@link MAX_EARLIER_ROLES}: the session
   * ends when one of them has another revision.
   */
  readonly earlierRoles: readonly AssumedRole[];
  /** The service that came first, if one did. */
  readonly service?: SessionService | undefined;
  /** The session policy as it was sent. */
  readonly policy: string | undefined;
}

/** A token taken apart, not opened. */
export interface SealedToken {
  readonly accountId: AccountId;
  /** Version of the account's key that it is sealed under. */
  readonly keyVersion: number;
  readonly header: Buffer;
  readonly nonce: Buffer;
  readonly box: Buffer;
}

/**
 * Seals a session into a token of base64url without padding, at most {@link MAX_SECURITY_TOKEN_CHARACTERS} long.
 *
 * @param options.keyVersion - the version of the account's key that `keys` are of.
 * @throws RangeError if a name or the policy is longer, or the roles are more, than the format allows.
 */
export function sealSecurityToken(
  claims: SessionClaims,
  { keys, keyVersion }: { readonly keys: SessionKeys; readonly keyVersion: number },
): string {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(VERSION, 0);
  header.writeBigUInt64BE(BigInt(claims.accountId), 1);
  header.writeUInt32BE(keyVersion, 9);
  const nonce = randomBytesPooled(XAES_256_GCM.nonceBytes);
  const box = keys.token.seal({ nonce, plaintext: encodeClaims(claims), aad: associatedData(header) });
  return Buffer.concat([header, nonce, box]).toString("base64url");
}

/** Takes a token apart, `undefined` if it is none. What its header says is proven only once it has been opened. */
export function parseSecurityToken(text: string): SealedToken | undefined {
  if (text.length > MAX_SECURITY_TOKEN_CHARACTERS) return undefined;
  const bytes = Buffer.from(text, "base64url");
  // Node skips what is not base64url, and the bits that are left over: a token has one spelling only.
  if (bytes.toString("base64url") !== text) return undefined;
  const boxStart = HEADER_BYTES + XAES_256_GCM.nonceBytes;
  if (bytes.length < boxStart + FIXED_BYTES + XAES_256_GCM.tagBytes || bytes[0] !== VERSION) return undefined;
  const accountId = String(bytes.readBigUInt64BE(1));
  if (!isId("Account", accountId)) return undefined;
  return {
    accountId,
    keyVersion: bytes.readUInt32BE(9),
    header: bytes.subarray(0, HEADER_BYTES),
    nonce: bytes.subarray(HEADER_BYTES, boxStart),
    box: bytes.subarray(boxStart),
  };
}

/** Opens what {@link sealSecurityToken} sealed; `undefined` if it was altered, or sealed under another key. */
export function openSecurityToken(sealed: SealedToken, keys: SessionKeys): SessionClaims | undefined {
  const { accountId, header, nonce, box } = sealed;
  let plaintext: Buffer;
  try {
    plaintext = keys.token.open({ nonce, box, aad: associatedData(header) });
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    return undefined;
  }
  return decodeClaims(plaintext, accountId);
}

function associatedData(header: Uint8Array): Buffer {
  return lengthPrefixed([LABEL, header]);
}

function encodeClaims(claims: SessionClaims): Buffer {
  const { accessKeyId, roleName, sessionName, provider, service, policy } = claims;
  const fixed = Buffer.alloc(FIXED_BYTES);
  const flags =
    (claims.mfaPresent ? MFA_PRESENT : 0) |
    (provider === undefined ? 0 : HAS_PROVIDER) |
    (policy === undefined ? 0 : HAS_POLICY) |
    (service === undefined ? 0 : HAS_SERVICE);
  let at = fixed.writeUInt8(flags, 0);
  at = fixed.writeBigUInt64BE(BigInt(claims.roleId), at);
  at = fixed.writeUIntBE(claims.roleRevision, at, 6);
  at = fixed.writeUIntBE(claims.startedAt, at, 6);
  at = fixed.writeUIntBE(claims.expiresAt, at, 6);
  at = fixed.writeBigUInt64BE(BigInt(claims.sourceAccountId), at);
  fixed.write(accessKeyId.slice(SESSION_KEY_PREFIX.length), at, "latin1");
  const names = [roleName, sessionName, ...(provider === undefined ? [] : [provider.id, provider.name])];
  const policyBytes = Buffer.from(policy ?? "");
  if (policyBytes.length > MAX_SESSION_POLICY_BYTES) throw new RangeError("a session policy is too long for a token");
  return Buffer.concat([
    fixed,
    ...names.map(encodeName),
    encodeRoles(claims.earlierRoles),
    ...encodeService(service),
    policyBytes,
  ]);
}

function encodeService(service: SessionService | undefined): readonly Buffer[] {
  if (service === undefined) return [];
  const sourceArn = Buffer.from(service.sourceArn ?? "");
  if (sourceArn.length > MAX_SOURCE_ARN_CHARACTERS)
    throw new RangeError("the name of a resource is too long for a token");
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sourceArn.length);
  return [encodeName(service.name), length, sourceArn];
}

function encodeRoles(roles: readonly AssumedRole[]): Buffer {
  if (roles.length > MAX_EARLIER_ROLES) throw new RangeError("there are too many roles for a token");
  const bytes = Buffer.alloc(1 + roles.length * EARLIER_ROLE_BYTES);
  let at = bytes.writeUInt8(roles.length, 0);
  for (const { accountId, roleId, revision } of roles) {
    at = bytes.writeBigUInt64BE(BigInt(accountId), at);
    at = bytes.writeBigUInt64BE(BigInt(roleId), at);
    at = bytes.writeUIntBE(revision, at, 6);
  }
  return bytes;
}

/** The roles at `start`; `end` is where they end. @throws RangeError */
function decodeRoles(bytes: Buffer, start: number): { readonly roles: readonly AssumedRole[]; readonly end: number } {
  const count = bytes.readUInt8(start);
  if (count > MAX_EARLIER_ROLES) throw new RangeError("a security token has too many roles");
  const end = start + 1 + count * EARLIER_ROLE_BYTES;
  const roles: AssumedRole[] = [];
  for (let at = start + 1; at < end; at += EARLIER_ROLE_BYTES) {
    const [accountId, roleId] = [String(bytes.readBigUInt64BE(at)), String(bytes.readBigUInt64BE(at + 8))];
    if (!isId("Account", accountId) || !isId("Role", roleId)) {
      throw new RangeError("a security token names what cannot be");
    }
    roles.push({ accountId, roleId, revision: bytes.readUIntBE(at + 16, 6) });
  }
  return { roles, end };
}

function encodeName(name: string): Buffer {
  const bytes = Buffer.from(name);
  if (bytes.length > MAX_NAME_BYTES) throw new RangeError("a name is too long for a token");
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** @throws RangeError if somebody sealed what {@link encodeClaims} did not write. */
function decodeClaims(bytes: Buffer, accountId: AccountId): SessionClaims {
  const flags = bytes.readUInt8(0);
  const roleId = String(bytes.readBigUInt64BE(1));
  const sourceAccountId = String(bytes.readBigUInt64BE(27));
  const accessKeyId = SESSION_KEY_PREFIX + bytes.toString("latin1", FIXED_BYTES - SESSION_KEY_BYTES, FIXED_BYTES);
  let at = FIXED_BYTES;
  const readName = (): string => {
    const start = at + 1;
    at = start + bytes.readUInt8(at);
    if (at > bytes.length) throw new RangeError("a security token ends within a name");
    return bytes.toString("utf8", start, at);
  };
  const readSourceArn = (): string | undefined => {
    const start = at + 2;
    at = start + bytes.readUInt16BE(at);
    if (at > bytes.length) throw new RangeError("a security token ends within the name of a resource");
    return at === start ? undefined : bytes.toString("latin1", start, at);
  };
  const [roleName, sessionName] = [readName(), readName()];
  const provider = (flags & HAS_PROVIDER) === 0 ? undefined : { id: readName(), name: readName() };
  const { roles: earlierRoles, end: rolesEnd } = decodeRoles(bytes, at);
  at = rolesEnd;
  const service = (flags & HAS_SERVICE) === 0 ? undefined : { name: readName(), sourceArn: readSourceArn() };
  const end = at;
  const policy = (flags & HAS_POLICY) === 0 ? undefined : bytes.toString("utf8", end);
  const isWhole = policy !== undefined || end === bytes.length;
  if (!isWhole || (flags & ~ALL_FLAGS) !== 0) throw new RangeError("a security token holds more than it may");
  if (!isId("Role", roleId) || !isId("Account", sourceAccountId) || !isId("SessionKey", accessKeyId)) {
    throw new RangeError("a security token names what cannot be");
  }
  return {
    accountId,
    accessKeyId,
    roleId,
    roleName,
    roleRevision: bytes.readUIntBE(9, 6),
    sessionName,
    startedAt: bytes.readUIntBE(15, 6),
    expiresAt: bytes.readUIntBE(21, 6),
    sourceAccountId,
    mfaPresent: (flags & MFA_PRESENT) !== 0,
    provider,
    earlierRoles,
    service,
    policy,
  };
}
