import { timingSafeEqual } from "node:crypto";
import { DecryptionError, KeyFormatError } from "@cinnabar/crypto";
import {
  ApiError,
  defineOperation,
  ERRORS,
  type ImportedMaterial,
  ImportToken,
  integerText,
  invalidParameter,
  OncePerCall,
  optional,
  required,
  type RequestContext,
  TamperedRowError,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { materialImported } from "../key/key.ts";
import { keyKind } from "../key/key-repository.ts";
import { importVersion, loadVersionRows, type StoredVersionRow } from "../version/version-repository.ts";
import { keyReference } from "../key/key-reference.ts";
import type { KeyVersion } from "../key/key-version.ts";
import { base64Bytes } from "../parameters/base64-bytes.ts";
import { assertExternal } from "./imported-key.ts";

/** A pair of ML-DSA-65 in PKCS #8 takes some 4.3 KiB when it is wrapped; nothing else takes more. */
const MAX_WRAPPED_BYTES = 8192;
/** A token holds a private key of RSA_2048, some 1.3 KiB at most. */
const MAX_TOKEN_BYTES = 4096;
/** The last second of the year 9999. */
const MAX_UNIX_SECONDS = 253_402_300_799;
const SECOND_MILLIS = 1000;

const taken = new OncePerCall<ImportedMaterial>();

export const importKeyMaterial = defineOperation({
  ...kms,
  name: "ImportKeyMaterial",
  summary: "Imports the material of a key that was made without; what had it once takes the same again only.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id." }),
    EncryptedKeyMaterial: required({
      schema: base64Bytes({ max: MAX_WRAPPED_BYTES }),
      refusedAs: "InvalidKeyMaterial",
      audit: "omit",
      description: "The material, wrapped under the public key that came with the token, in base64.",
    }),
    ImportToken: required({
      schema: base64Bytes({ max: MAX_TOKEN_BYTES }),
      refusedAs: "InvalidImportToken",
      audit: "omit",
      description: "The token that GetParametersForImport gave for the key.",
    }),
    KeyMaterialExpireUnix: optional({
      schema: integerText({ min: 0, max: MAX_UNIX_SECONDS }),
      description: "When the material expires, in seconds since 1970. 0, the default, means never.",
    }),
  },
  result: z.object({ KeyMaterialFingerprint: z.string() }),
  recordedResult: [],
  errors: [
    "Forbidden.KeyNotFound",
    "Unsupported.Alias",
    "Unsupported.Origin",
    "Rejected.StateModifiedFailed",
    "InvalidImportToken",
    "ExpiredImportToken",
    "InvalidKeyMaterial",
    "Rejected.Throttling",
  ],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:ImportKeyMaterial", target)],
  async handle(context, { EncryptedKeyMaterial: wrapped, ImportToken: bytes, KeyMaterialExpireUnix }, { key }) {
    assertExternal(key);
    const enabled = materialImported(key.status);
    const { current, byVersion } = await findAccountKeys(context, key.accountId);
    const token = ImportToken.read(bytes, {
      accountId: key.accountId,
      keyId: key.id,
      accountKeys: { current, byVersion },
    });
    const version = token && key.versions.get(token.facts.versionId);
    if (token === undefined || version === undefined) throw new ApiError("InvalidImportToken");
    assertValid(context, token);
    const expiresAt = toExpiry(context, KeyMaterialExpireUnix);

    const { versionId } = version.identity;
    const material = await takeOnce(context, { version, token, wrapped, accountKey: current });
    const rows = await loadVersionRows(context, key.id);
    const row = rows.find(({ identity }) => identity.versionId === versionId);
    if (row === undefined) throw new TamperedRowError("key_version", "a version of a key is missing");
    assertSameMaterial(row, rows, material);

    // A version that waited for its first material is the newest one.
    const isPrimary = version.number >= key.primaryVersion.number;
    context.note({
      keyVersionId: versionId,
      wrappingAlgorithm: token.facts.wrapping,
      wrappedBytes: wrapped.length,
      materialBytes: material.bytes,
      materialFingerprint: material.fingerprint,
    });
    return {
      result: { KeyMaterialFingerprint: material.fingerprint },
      changes: importVersion(
        context,
        { key, version: row },
        {
          made: material.made,
          digest: material.digest,
          accountKeyVersion: current.version,
          importedAt: context.now,
          expiresAt,
          status: isPrimary ? enabled : key.status,
          isPrimary,
        },
      ),
      touched: [{ kind: keyKind, id: key.id }],
    };
  },
});

function assertValid(context: RequestContext, { facts: { expiresAt } }: ImportToken): void {
  if (context.now < expiresAt) return context.holdsUntil(expiresAt);
  context.holdsFrom(expiresAt);
  throw new ApiError("ExpiredImportToken");
}

function toExpiry(context: RequestContext, seconds = 0): number | undefined {
  if (seconds === 0) return undefined;
  const expiresAt = seconds * SECOND_MILLIS;
  if (expiresAt <= context.now) throw invalidParameter("KeyMaterialExpireUnix", "It must be in the future, or 0.");
  context.holdsUntil(expiresAt);
  return expiresAt;
}

async function takeOnce(
  context: RequestContext,
  {
    version: { identity },
    token,
    wrapped,
    accountKey,
  }: {
    readonly version: KeyVersion;
    readonly token: ImportToken;
    readonly wrapped: Uint8Array;
    readonly accountKey: {
      readonly version: number;
      readonly key: Parameters<typeof context.custody.imports.take>[0]["accountKey"];
    };
  },
): Promise<ImportedMaterial> {
  try {
    return await taken.run(context, `${identity.versionId} ${accountKey.version}`, () =>
      context.custody.imports.take({ identity, accountKey: accountKey.key }, { token, wrapped }),
    );
  } catch (error) {
    if (error instanceof DecryptionError || error instanceof KeyFormatError) throw invalidMaterial();
    throw error;
  }
}

/**
 * The first material of a version is bound to it for ever, and no other version of the key has it.
 *
 * @throws {@link ApiError} `InvalidKeyMaterial`.
 */
function assertSameMaterial(
  version: StoredVersionRow,
  versions: readonly StoredVersionRow[],
  { digest }: ImportedMaterial,
): void {
  const known = versions.find(
    ({ materialDigest }) => materialDigest !== undefined && timingSafeEqual(materialDigest, digest),
  );
  if (version.materialDigest === undefined ? known !== undefined : known !== version) throw invalidMaterial();
}

/**
 * One answer for everything that can be wrong. Whoever learnt that a ciphertext unwraps to something, if not to what is wanted,
 * could decrypt by RSAES_PKCS1_V1_5 what others have wrapped, one question after the other.
 */
function invalidMaterial(): ApiError {
  const advice =
    "It must unwrap with the token to a key of the key's spec; that must be the material that the key version had before, if it had any, and not that of another version.";
  return new ApiError("InvalidKeyMaterial", `${ERRORS.InvalidKeyMaterial.message} ${advice}`);
}
