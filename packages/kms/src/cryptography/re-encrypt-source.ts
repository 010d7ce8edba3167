import {
  ApiError,
  type EncryptionAlgorithm,
  invalidParameter,
  missingParameter,
  type RequestContext,
} from "@cinnabar/kernel";
import { findKey, type KeyTarget } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import type { KeyReference } from "../key/key-reference.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { type CiphertextBlob, toCiphertextBlob } from "./ciphertext-blob.ts";
import type { EncryptionContext } from "./encryption-context.ts";
import { findVersion, type VersionTarget } from "./find-version.ts";
import { assertCapable, assertSymmetricKey } from "./key-capability.ts";
import { decryptOnce, findVersionOf } from "./key-work.ts";
import { resealBox, sealText } from "./seal.ts";

/** What ReEncrypt says of the ciphertext that it is given. */
export interface SourceValues {
  readonly CiphertextBlob: Buffer;
  readonly SourceEncryptionContext?: EncryptionContext | undefined;
  readonly SourceKeyId?: KeyReference | undefined;
  readonly SourceKeyVersionId?: string | undefined;
  readonly SourceEncryptionAlgorithm?: EncryptionAlgorithm | undefined;
}

/** The ciphertext of a symmetric key, which names its key version itself. */
interface BlobSource {
  readonly kind: "blob";
  readonly blob: CiphertextBlob;
  readonly encryptionContext: EncryptionContext | undefined;
  readonly keyReference: KeyReference | undefined;
  readonly versionId: string | undefined;
}

/** What was encrypted with the public key of a pair, and says nothing of it. */
interface PublicSource {
  readonly kind: "public";
  readonly ciphertext: Uint8Array;
  readonly algorithm: EncryptionAlgorithm;
  readonly keyReference: KeyReference;
  readonly versionId: string;
}

/** A ciphertext whose key is found. */
export type FoundSource = (BlobSource & VersionTarget) | (PublicSource & KeyTarget);

/**
 * The ciphertext, as far as the parameters tell by themselves.
 *
 * @throws {@link ApiError} `InvalidParameter`, `MissingParameter` or `Unsupported.Alias`.
 */
export function toSource(values: SourceValues): BlobSource | PublicSource {
  const { CiphertextBlob: ciphertext, SourceEncryptionAlgorithm: algorithm } = values;
  const { SourceKeyId: keyReference, SourceKeyVersionId: versionId, SourceEncryptionContext: context } = values;
  if (keyReference?.names === "alias") throw new ApiError("Unsupported.Alias");
  if (algorithm === undefined) {
    return { kind: "blob", blob: toCiphertextBlob(ciphertext), encryptionContext: context, keyReference, versionId };
  }
  if (keyReference === undefined) throw missingParameter("SourceKeyId");
  if (versionId === undefined) throw missingParameter("SourceKeyVersionId");
  if (context !== undefined && context.size > 0) {
    throw invalidParameter("SourceEncryptionContext", "What is encrypted with a public key has no context.");
  }
  return { kind: "public", ciphertext, algorithm, keyReference, versionId };
}

/** @throws {@link ApiError} `Forbidden.KeyNotFound`. */
export async function findSource(context: RequestContext, source: BlobSource | PublicSource): Promise<FoundSource> {
  if (source.kind === "blob") return { ...source, ...(await findVersion(context, source.blob.versionId, "source")) };
  return { ...source, ...(await findKey(context, source.keyReference, { alias: false, arn: false, role: "source" })) };
}

/**
 * Decrypts the ciphertext, for somebody who may, and encrypts what was in it under the destination's primary version.
 *
 * @returns the new ciphertext blob.
 * @throws {@link ApiError} if one of the keys is not for that or not in a state for it, or the ciphertext is none.
 */
export async function encryptAnew(
  context: RequestContext,
  source: FoundSource,
  destination: { readonly key: StoredKey; readonly encryptionContext: EncryptionContext | undefined },
): Promise<string> {
  if (source.kind === "blob") {
    assertNamed(source);
    assertUsable(source.key.status);
    assertSymmetricKey(source.key);
    assertDestination(destination.key);
    const { version, blob, encryptionContext } = source;
    return resealBox(context, { version, box: blob.box, encryptionContext }, destination);
  }
  const version = findVersionOf(context, source.key, source.versionId, "source");
  assertUsable(source.key.status);
  assertCapable(source.key, "encryption", source.algorithm);
  assertDestination(destination.key);
  // As AsymmetricDecrypt gives it: Decrypt gives the same, and of a data key what GenerateDataKey would have encrypted.
  const text = await decryptOnce(context, version, source);
  return sealText(context, destination.key, { text, encryptionContext: destination.encryptionContext });
}

function assertDestination(key: StoredKey): void {
  assertUsable(key.status);
  assertSymmetricKey(key);
}

/**
 * Refuses a source that is not the ciphertext's own. Told only to somebody who may use that.
 *
 * @throws {@link ApiError} `InvalidParameter`.
 */
function assertNamed({ keyReference: named, versionId, key, version }: BlobSource & VersionTarget): void {
  if (named !== undefined && (named.place !== undefined || named.name !== key.id)) {
    throw invalidParameter("SourceKeyId", "It must be the id of the key that the ciphertext was encrypted under.");
  }
  if (versionId !== undefined && versionId !== version.identity.versionId) {
    const advice = "It must be the id of the key version that the ciphertext was encrypted under.";
    throw invalidParameter("SourceKeyVersionId", advice);
  }
}
