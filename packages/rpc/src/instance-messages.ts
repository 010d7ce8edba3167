import type { Field, FieldKind, Message } from "./protobuf.ts";

/** What an API of the instance protocol takes and answers. */
export interface InstanceApi {
  readonly request: Message;
  readonly response: Message;
}

/** Numbers the fields from 1 on in the order given, as all messages of the protocol do. */
function message(...fields: readonly (readonly [name: string, kind: FieldKind])[]): Message {
  return Object.fromEntries(fields.map(([name, kind], index): [string, Field] => [name, { number: index + 1, kind }]));
}

const keyId = ["KeyId", "string"] as const;
const keyVersionId = ["KeyVersionId", "string"] as const;
const requestId = ["RequestId", "string"] as const;
const algorithm = ["Algorithm", "string"] as const;
const paddingMode = ["PaddingMode", "string"] as const;
const plaintext = ["Plaintext", "bytes"] as const;
const ciphertextBlob = ["CiphertextBlob", "bytes"] as const;
const aad = ["Aad", "bytes"] as const;
const iv = ["Iv", "bytes"] as const;
const keyPairSpec = ["KeyPairSpec", "string"] as const;
const keyFormat = ["KeyFormat", "string"] as const;
const messageType = ["MessageType", "string"] as const;
const publicKey = ["PublicKey", "bytes"] as const;
const privateKeyPlaintext = ["PrivateKeyPlaintext", "bytes"] as const;
const privateKeyCiphertextBlob = ["PrivateKeyCiphertextBlob", "bytes"] as const;
const signature = ["Signature", "bytes"] as const;

const encryptRequest = message(keyId, plaintext, algorithm, aad, iv, paddingMode);
const decryptRequest = message(ciphertextBlob, keyId, algorithm, aad, iv, paddingMode);
const keyPairRequest = message(keyId, algorithm, keyPairSpec, keyFormat, aad);
const advanceKeyPairRequest = message(keyId, keyPairSpec, keyFormat, aad);

/** The messages of the instance protocol by its APIs (the `api.proto` that Alibaba's dkms-gcs clients publish). */
export const INSTANCE_APIS: Readonly<Record<string, InstanceApi>> = {
  Encrypt: {
    request: encryptRequest,
    response: message(keyId, ciphertextBlob, iv, requestId, algorithm, paddingMode),
  },
  AdvanceEncrypt: {
    request: encryptRequest,
    response: message(keyId, ciphertextBlob, iv, requestId, algorithm, paddingMode, keyVersionId),
  },
  Decrypt: { request: decryptRequest, response: message(keyId, plaintext, requestId, algorithm, paddingMode) },
  AdvanceDecrypt: {
    request: decryptRequest,
    response: message(keyId, plaintext, requestId, algorithm, paddingMode, keyVersionId),
  },
  GenerateDataKey: {
    request: message(keyId, algorithm, ["NumberOfBytes", "int32"], aad),
    response: message(keyId, iv, plaintext, ciphertextBlob, requestId, algorithm),
  },
  AdvanceGenerateDataKey: {
    request: message(keyId, ["NumberOfBytes", "int32"], aad),
    response: message(keyId, iv, plaintext, ciphertextBlob, requestId, algorithm, keyVersionId),
  },
  GenerateDataKeyPair: {
    request: keyPairRequest,
    response: message(
      keyId,
      iv,
      keyPairSpec,
      privateKeyPlaintext,
      privateKeyCiphertextBlob,
      publicKey,
      requestId,
      algorithm,
    ),
  },
  GenerateDataKeyPairWithoutPlaintext: {
    request: keyPairRequest,
    response: message(keyId, iv, keyPairSpec, privateKeyCiphertextBlob, publicKey, requestId, algorithm),
  },
  AdvanceGenerateDataKeyPair: {
    request: advanceKeyPairRequest,
    response: message(
      keyId,
      iv,
      keyPairSpec,
      privateKeyPlaintext,
      privateKeyCiphertextBlob,
      publicKey,
      requestId,
      algorithm,
      keyVersionId,
    ),
  },
  AdvanceGenerateDataKeyPairWithoutPlaintext: {
    request: advanceKeyPairRequest,
    response: message(keyId, iv, keyPairSpec, privateKeyCiphertextBlob, publicKey, requestId, algorithm, keyVersionId),
  },
  GenerateRandom: { request: message(["Length", "int32"]), response: message(["Random", "bytes"], requestId) },
  Sign: {
    request: message(keyId, ["Digest", "bytes"], algorithm, ["Message", "bytes"], messageType),
    response: message(keyId, signature, requestId, algorithm, messageType),
  },
  Verify: {
    request: message(keyId, ["Digest", "bytes"], signature, algorithm, ["Message", "bytes"], messageType),
    response: message(keyId, ["Value", "bool"], requestId, algorithm, messageType),
  },
  Hmac: { request: message(keyId, ["Message", "bytes"]), response: message(keyId, signature, requestId) },
  GetPublicKey: { request: message(keyId), response: message(keyId, ["PublicKey", "string"], requestId) },
  GetSecretValue: {
    request: message(
      ["SecretName", "string"],
      ["VersionStage", "string"],
      ["VersionId", "string"],
      ["FetchExtendedConfig", "bool"],
    ),
    response: message(
      ["SecretName", "string"],
      ["SecretType", "string"],
      ["SecretData", "string"],
      ["SecretDataType", "string"],
      ["VersionStages", "strings"],
      ["VersionId", "string"],
      ["CreateTime", "string"],
      requestId,
      ["LastRotationDate", "string"],
      ["NextRotationDate", "string"],
      ["ExtendedConfig", "string"],
      ["AutomaticRotation", "string"],
      ["RotationInterval", "string"],
    ),
  },
};

/** What every error is answered as. */
export const INSTANCE_ERROR: Message = message(
  ["StatusCode", "int32"],
  ["ErrorCode", "string"],
  ["ErrorMessage", "string"],
  requestId,
);
