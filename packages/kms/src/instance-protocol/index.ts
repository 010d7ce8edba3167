import type { DeclaredOperation } from "@cinnabar/kernel";
import { decryptOperations } from "./decrypt.ts";
import { encryptOperations } from "./encrypt.ts";
import { dataKeyOperations } from "./generate-data-key.ts";
import { dataKeyPairOperations } from "./generate-data-key-pair.ts";
import { generateRandom } from "./generate-random.ts";
import { getPublicKey } from "./get-public-key.ts";
import { getSecretValue } from "./get-secret-value.ts";
import { hmac } from "./hmac.ts";
import { sign } from "./sign.ts";
import { verify } from "./verify.ts";

/** The operations of the instance protocol that do cryptography with keys: calls of these are uses of a key. */
export const instanceCryptography: readonly DeclaredOperation[] = [
  ...encryptOperations,
  ...decryptOperations,
  ...dataKeyOperations,
  ...dataKeyPairOperations,
  sign,
  verify,
  hmac,
];

/** What applications call in the instance protocol, with their client keys. */
export const instanceOperations: readonly DeclaredOperation[] = [
  ...instanceCryptography,
  getPublicKey,
  generateRandom,
  getSecretValue,
];
