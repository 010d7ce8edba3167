import { AuthenticationError, DecryptionError, SecretBytes } from "@cinnabar/crypto";
import {
  ApiError,
  type AsymmetricSpec,
  attempt,
  type EncryptionAlgorithm,
  invalidParameter,
  isId,
  type KeySpec,
  OncePerCall,
  proceed,
  type PublicKey,
  type RequestContext,
  type StoredKeyVersion,
  TamperedRowError,
} from "@cinnabar/kernel";
import type { StoredKey } from "../key/key-repository.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import type { KeyVersion } from "../key/key-version.ts";
import { findAccountKeys } from "./account-keys.ts";

const byteWork = new OncePerCall<string>();
const verdictWork = new OncePerCall<boolean>();

/**
 * The version of a key that a call names, and says so in the event. Ask only once the caller's right is certain: the answer
 * tells which versions there are.
 *
 * @param role - what the key is in the call, beside the one that it is about.
 * @throws {@link ApiError} `Forbidden.KeyVersionNotFound`.
 */
export function findVersionOf(context: RequestContext, key: StoredKey, versionId: string, role?: "source"): KeyVersion {
  const version = isId("KeyVersion", versionId) ? key.versions.get(versionId) : undefined;
  if (version === undefined) throw new ApiError("Forbidden.KeyVersionNotFound");
  const { versionId: keyVersionId } = version.identity;
  context.note(role === undefined ? { keyVersionId } : { sourceKeyVersionId: keyVersionId });
  return version;
}

/**
 * The public key of a version of a pair.
 *
 * @throws {@link ApiError} `Rejected.PendingImport` if the pair is still to be imported.
 */
export function publicKeyOf(version: KeyVersion): PublicKey {
  version.assertMaterial();
  const { identity, publicKey } = version;
  const { accountId, spec } = identity;
  if (!isAsymmetric(spec)) throw new RangeError(`a key of the spec ${spec} has no public key`);
  if (publicKey === undefined) throw new TamperedRowError("key_version", "the public key of a pair is missing");
  return { accountId, spec, spki: publicKey };
}

function isAsymmetric(spec: KeySpec): spec is AsymmetricSpec {
  return KEY_SPECS[spec].family === "asymmetric";
}

/**
 * What a version's secret makes of the call's input, in base64, made once for the call. The bytes are cleared.
 *
 * @param work - what the keystore does. What it throws is thrown, but for material that does not open.
 * @throws {@link TamperedRowError} if the version's material does not open.
 */
export function bytesOnce(
  context: RequestContext,
  version: KeyVersion,
  work: (stored: StoredKeyVersion) => Uint8Array | Promise<Uint8Array>,
): string | Promise<string> {
  // Also where the work is done already: since then the material may have gone.
  version.assertMaterial();
  const { accountId, versionId } = version.identity;
  return proceed(findAccountKeys(context, accountId), (accountKeys) =>
    byteWork.run(context, versionId, () =>
      attempt(
        () => proceed(work(version.storedUnder(accountKeys)), toText),
        (error): never => {
          if (!(error instanceof AuthenticationError)) throw error;
          throw new TamperedRowError("key_version", "the material of a key version does not open");
        },
      ),
    ),
  );
}

/**
 * What somebody encrypted with the public key of a pair's version, in base64, decrypted once for the call.
 *
 * @throws {@link ApiError} `InvalidParameter` whatever is wrong with the ciphertext, its length included: what tells more
 * helps to decrypt.
 * @throws {@link TamperedRowError} if the version's material does not open.
 */
export function decryptOnce(
  context: RequestContext,
  version: KeyVersion,
  { algorithm, ciphertext }: { readonly algorithm: EncryptionAlgorithm; readonly ciphertext: Uint8Array },
): string | Promise<string> {
  const { keystore } = context.custody;
  return attempt(
    () => bytesOnce(context, version, (stored) => keystore.decrypt(stored, algorithm, ciphertext)),
    (error): never => {
      if (!(error instanceof DecryptionError)) throw error;
      throw invalidParameter("CiphertextBlob", "It is not what the key version's public key gives by the algorithm.");
    },
  );
}

/** As {@link bytesOnce}, with nothing but the public key of a pair's version. */
export function publicBytesOnce(
  context: RequestContext,
  version: KeyVersion,
  work: (key: PublicKey) => Uint8Array | Promise<Uint8Array>,
): string | Promise<string> {
  const key = publicKeyOf(version);
  return byteWork.run(context, version.identity.versionId, () => proceed(work(key), toText));
}

/** Whether a public key verifies the call's input, found out once for the call. */
export function verdictOnce(
  context: RequestContext,
  version: KeyVersion,
  work: (key: PublicKey) => boolean | Promise<boolean>,
): boolean | Promise<boolean> {
  const key = publicKeyOf(version);
  return verdictWork.run(context, version.identity.versionId, () => work(key));
}

function toText(bytes: Uint8Array): string {
  using secret = new SecretBytes(bytes);
  return Buffer.from(secret.bytes.buffer, secret.bytes.byteOffset, secret.bytes.length).toString("base64");
}
