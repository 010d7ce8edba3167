import { AuthenticationError, SecretBytes } from "@cinnabar/crypto";
import {
  ApiError,
  attempt,
  type Keystore,
  proceed,
  type RequestContext,
  type StoredKeyVersion,
  TamperedRowError,
} from "@cinnabar/kernel";
import type { StoredKey } from "../key/key-repository.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import type { KeyVersion } from "../key/key-version.ts";
import { countMessage } from "../version/count-message.ts";
import { findAccountKeys } from "./account-keys.ts";
import { encodeCiphertextBlob } from "./ciphertext-blob.ts";
import { associatedData, type EncryptionContext } from "./encryption-context.ts";

const NOTHING = Buffer.alloc(0);

/** A ciphertext blob's box, and the context that it was sealed with. */
export interface SealedBox {
  readonly box: Uint8Array;
  readonly encryptionContext: EncryptionContext | undefined;
}

/**
 * Encrypts a text's own bytes under the key's primary version and gives the ciphertext blob.
 *
 * @throws {@link TamperedRowError} if the version's material does not open.
 */
export function sealText(
  context: RequestContext,
  key: StoredKey,
  { text, encryptionContext }: { readonly text: string; readonly encryptionContext: EncryptionContext | undefined },
): string | Promise<string> {
  const plaintext = Buffer.from(text);
  const cleared = (): void => void plaintext.fill(0);
  const sealed = attempt(
    () => sealBytes(context, key, { plaintext, encryptionContext }),
    (error): never => {
      cleared();
      throw error;
    },
  );
  return proceed(sealed, (blob) => {
    cleared();
    return blob;
  });
}

/**
 * Opens a ciphertext blob's box and seals what was in it under another key's primary version, with a context of its
 * own. The plaintext is bytes only, cleared at the end. Gives the new ciphertext blob.
 *
 * @throws {@link ApiError} `InvalidParameter` as {@link openText}.
 * @throws {@link TamperedRowError} if the material of either version does not open.
 */
export async function resealBox(
  context: RequestContext,
  source: SealedBox & { readonly version: KeyVersion },
  destination: { readonly key: StoredKey; readonly encryptionContext: EncryptionContext | undefined },
): Promise<string> {
  const { encryptionContext } = destination;
  using plaintext = await openBox(context, source.version, source);
  return await sealBytes(context, destination.key, { plaintext: plaintext.bytes, encryptionContext });
}

/**
 * Opens a ciphertext blob's box and gives the text that was sealed.
 *
 * @throws {@link ApiError} `InvalidParameter` if it was altered or sealed with another context: nobody learns which.
 * @throws {@link TamperedRowError} if the version's material does not open.
 */
export async function openText(context: RequestContext, version: KeyVersion, sealed: SealedBox): Promise<string> {
  using plaintext = await openBox(context, version, sealed);
  return Buffer.from(plaintext.bytes.buffer, plaintext.bytes.byteOffset, plaintext.bytes.length).toString();
}

/** The bytes belong to the caller, who clears them. */
function sealBytes(
  context: RequestContext,
  { primaryVersion: version, spec }: StoredKey,
  {
    plaintext,
    encryptionContext,
  }: { readonly plaintext: Uint8Array; readonly encryptionContext: EncryptionContext | undefined },
): string | Promise<string> {
  const { versionId, accountId } = version.identity;
  if (KEY_SPECS[spec].countsMessages === true) countMessage(context, versionId);
  return proceed(findAccountKeys(context, accountId), (accountKeys) => {
    const aad = associatedData(versionId, encryptionContext);
    const sealed = sealOrAlarm(context.custody.keystore, version.storedUnder(accountKeys), { plaintext, aad });
    return proceed(sealed, (box) => encodeCiphertextBlob(versionId, box));
  });
}

async function openBox(
  context: RequestContext,
  version: KeyVersion,
  { box, encryptionContext }: SealedBox,
): Promise<SecretBytes> {
  const { keystore } = context.custody;
  const stored = version.storedUnder(await findAccountKeys(context, version.identity.accountId));
  const aad = associatedData(version.identity.versionId, encryptionContext);
  try {
    return new SecretBytes(await keystore.open(stored, box, aad));
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    // The keystore says the same of a wrong box and of material that does not open. Sealing needs the material alone.
    await sealOrAlarm(keystore, stored, { plaintext: NOTHING, aad: NOTHING });
    throw new ApiError("InvalidParameter", 'The specified parameter "CiphertextBlob" is not valid.');
  }
}

function sealOrAlarm(
  keystore: Keystore,
  version: StoredKeyVersion,
  { plaintext, aad }: { readonly plaintext: Uint8Array; readonly aad: Uint8Array },
): Uint8Array | Promise<Uint8Array> {
  return attempt(
    () => keystore.seal(version, plaintext, aad),
    (error): never => {
      if (!(error instanceof AuthenticationError)) throw error;
      throw new TamperedRowError("key_version", "the material of a key version does not open");
    },
  );
}
