import type { KeyObject } from "node:crypto";

import {
  AuthenticationError,
  IMPORT_WRAPPINGS,
  type ImportWrapping,
  SecretBytes,
  unwrapKey,
  wrapKey,
} from "@cinnabar/crypto";

import { type AccountId, isId, type KeyId, type KeyVersionId } from "../platform/ids.ts";
import type { AccountKeys } from "./account-keys.ts";

const FORMAT = 0x01;
const VERSION_ID_BYTES = 36;
/** What stands before the wrapped private key, and where. */
const AT = { format: 0, accountKeyVersion: 1, expiresAt: 5, wrapping: 13, versionId: 14 } as const;
const HEADER_BYTES = AT.versionId + VERSION_ID_BYTES;

/** The number of each form in tokens. */
const WRAPPING_NUMBERS: Readonly<Record<ImportWrapping, number>> = {
  RSAES_PKCS1_V1_5: 1,
  RSAES_OAEP_SHA_1: 2,
  RSAES_OAEP_SHA_256: 3,
  RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD: 4,
  SM2PKE: 5,
  SM2PKE_SM4_ECB: 6,
};

/** What an import token is for. */
export interface ImportTokenFacts {
  readonly accountId: AccountId;
  readonly keyId: KeyId;
  /** The version whose material may be imported with it. */
  readonly versionId: KeyVersionId;
  /** The one form in which it may come. */
  readonly wrapping: ImportWrapping;
  /** Store milliseconds: from then on the token is of no use. */
  readonly expiresAt: number;
}

/**
 * Makes a token that holds the private half of a wrapping pair, so that nothing of it is stored: format byte 0x01 ‖ 4-byte
 * version of the account key ‖ 8-byte expiry in milliseconds ‖ 1-byte number of the form ‖ 36-byte id of the key version ‖
 * private key, wrapped under the account key with all of that and the key's id as associated data. Numbers are big-endian.
 *
 * @param options.privateKey - DER PKCS #8. Stays the caller's to clear.
 */
export function sealImportToken(
  facts: ImportTokenFacts,
  { privateKey, accountKey }: { readonly privateKey: Uint8Array; readonly accountKey: AccountKeys["current"] },
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FORMAT, AT.format);
  header.writeUInt32BE(accountKey.version, AT.accountKeyVersion);
  header.writeBigUInt64BE(BigInt(facts.expiresAt), AT.expiresAt);
  header.writeUInt8(WRAPPING_NUMBERS[facts.wrapping], AT.wrapping);
  header.write(facts.versionId, AT.versionId, "latin1");
  const wrapped = wrapKey({ wrappingKey: accountKey.key, material: privateKey, identity: tokenIdentity(facts) });
  return Buffer.concat([header, wrapped]);
}

/** An import token that this deployment has issued. */
export class ImportToken {
  readonly facts: ImportTokenFacts;
  /** The whole of it. */
  readonly bytes: Uint8Array;
  readonly #accountKey: KeyObject;

  private constructor(options: { facts: ImportTokenFacts; bytes: Uint8Array; accountKey: KeyObject }) {
    this.facts = options.facts;
    this.bytes = options.bytes;
    this.#accountKey = options.accountKey;
  }

  /** The token, if it was issued for this key and its account key is still there. Whether it has expired is not looked at. */
  static read(
    bytes: Uint8Array,
    key: { readonly accountId: AccountId; readonly keyId: KeyId; readonly accountKeys: AccountKeys },
  ): ImportToken | undefined {
    if (bytes.length < HEADER_BYTES || bytes[AT.format] !== FORMAT) return undefined;
    const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
    const accountKey = key.accountKeys.byVersion.get(header.readUInt32BE(AT.accountKeyVersion));
    const wrapping = wrappingOf(header.readUInt8(AT.wrapping));
    const versionId = header.toString("latin1", AT.versionId);
    if (accountKey === undefined || wrapping === undefined || !isId("KeyVersion", versionId)) return undefined;
    const { accountId, keyId } = key;
    const expiresAt = Number(header.readBigUInt64BE(AT.expiresAt));
    const token = new ImportToken({ facts: { accountId, keyId, versionId, wrapping, expiresAt }, bytes, accountKey });
    try {
      token.openPrivateKey()[Symbol.dispose]();
    } catch (error) {
      if (error instanceof AuthenticationError) return undefined;
      throw error;
    }
    return token;
  }

  /** The private half of the wrapping pair, in DER PKCS #8. */
  openPrivateKey(): SecretBytes {
    const wrapped = this.bytes.subarray(HEADER_BYTES);
    return new SecretBytes(unwrapKey({ wrappingKey: this.#accountKey, wrapped, identity: tokenIdentity(this.facts) }));
  }
}

function wrappingOf(number: number): ImportWrapping | undefined {
  return Object.keys(IMPORT_WRAPPINGS)
    .filter(isWrapping)
    .find((wrapping) => WRAPPING_NUMBERS[wrapping] === number);
}

function isWrapping(name: string): name is ImportWrapping {
  return Object.hasOwn(WRAPPING_NUMBERS, name);
}

function tokenIdentity({ accountId, keyId, versionId, wrapping, expiresAt }: ImportTokenFacts): string[] {
  return ["import token", accountId, keyId, versionId, wrapping, String(expiresAt)];
}
