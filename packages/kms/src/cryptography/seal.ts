import { AuthenticationError, SecretBytes } from "@cinnabar/crypto";
import {
  ApiError,
  type Keystore,
  type RequestContext,
  type StoredKeyVersion,
  TamperedRowError,
} from "@cinnabar/kernel";
import type { StoredKey } from "../key/key-repository.ts";
import type { KeyVersion } from "../key/key-version.ts";
import { findAccountKeys } from "./account-keys.ts";
import { encodeCiphertextBlob } from "./ciphertext-blob.ts";
import { associatedData, type EncryptionContext } from "./encryption-context.ts";

const NOTHING = Buffer.alloc(0);

/**
 * Encrypts a text's own bytes under the key's primary version and gives the ciphertext blob.
 *
 * @throws {@link TamperedRowError} if the version's material does not open.
 */
export async function sealText(
  context: RequestContext,
  { primaryVersion: version }: StoredKey,
  { text, encryptionContext }: { readonly text: string; readonly encryptionContext: EncryptionContext | undefined },
): Promise<string> {
  const { versionId, accountId } = version.identity;
  const stored = version.storedUnder(await findAccountKeys(context, accountId));
  const aad = associatedData(versionId, encryptionContext);
  const plaintext = Buffer.from(text);
  // Not `using`, which costs a microsecond here as long as V8 leaves it to its runtime.
  try {
    const box = await sealOrAlarm(context.custody.keystore, stored, { plaintext, aad });
    return encodeCiphertextBlob(versionId, box);
  } finally {
    plaintext.fill(0);
  }
}

/**
 * Opens a ciphertext blob's box and gives the text that was sealed.
 *
 * @throws {@link ApiError} `InvalidParameter` if it was altered or sealed with another context: nobody learns which.
 * @throws {@link TamperedRowError} if the version's material does not open.
 */
export async function openText(
  context: RequestContext,
  version: KeyVersion,
  { box, encryptionContext }: { readonly box: Uint8Array; readonly encryptionContext: EncryptionContext | undefined },
): Promise<string> {
  const { keystore } = context.custody;
  const stored = version.storedUnder(await findAccountKeys(context, version.identity.accountId));
  const aad = associatedData(version.identity.versionId, encryptionContext);
  try {
    using plaintext = new SecretBytes(await keystore.open(stored, box, aad));
    return Buffer.from(plaintext.bytes.buffer, plaintext.bytes.byteOffset, plaintext.bytes.length).toString();
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    // The keystore says the same of a wrong box and of material that does not open. Sealing needs the material alone.
    await sealOrAlarm(keystore, stored, { plaintext: NOTHING, aad: NOTHING });
    throw new ApiError("InvalidParameter", 'The specified parameter "CiphertextBlob" is not valid.');
  }
}

async function sealOrAlarm(
  keystore: Keystore,
  version: StoredKeyVersion,
  { plaintext, aad }: { readonly plaintext: Uint8Array; readonly aad: Uint8Array },
): Promise<Uint8Array> {
  try {
    return await keystore.seal(version, plaintext, aad);
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    throw new TamperedRowError("key_version", "the material of a key version does not open");
  }
}
