import { type KeyPairBytes, SecretBytes } from "@cinnabar/crypto";
import { type DeclaredOperation, defineOperation, OncePerCall, oneOf, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { assertSymmetricKey } from "../cryptography/key-capability.ts";
import { assertUsable } from "../key/key.ts";
import { encodeAdvanceBlob } from "./advance-blob.ts";
import { encryptionAlgorithm } from "./encryption-algorithm.ts";
import { aad, assertGcm, gcmAlgorithm, sealGcm } from "./gcm.ts";
import { instanceApi } from "./instance-api.ts";
import { findInstanceKey, initialVersion, keyId, onInstanceKey } from "./instance-key.ts";
import { encodePem } from "./pem.ts";
import { toText } from "./to-text.ts";

/** Specs of data key pairs (KMS Instance API, "GenerateDataKeyPair"). */
const PAIR_SPECS = ["RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P256K"] as const;
const FORMATS = ["PEM", "DER"] as const;
type Format = (typeof FORMATS)[number];

/** A pair in the format that was asked for, both in base64: its private key leaves as text where it leaves at all. */
interface DataKeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

const pairs = new OncePerCall<DataKeyPair>();

/** GenerateDataKeyPair and its like: with or without the private key in the clear, plain and Advance. */
export const dataKeyPairOperations: readonly DeclaredOperation[] = [
  declare({ isAdvance: false, givesPlaintext: true }),
  declare({ isAdvance: false, givesPlaintext: false }),
  declare({ isAdvance: true, givesPlaintext: true }),
  declare({ isAdvance: true, givesPlaintext: false }),
];

function declare({ isAdvance, givesPlaintext }: { isAdvance: boolean; givesPlaintext: boolean }): DeclaredOperation {
  const version = isAdvance ? "primary" : "initial";
  return defineOperation({
    ...instanceApi,
    name: `${isAdvance ? "Advance" : ""}GenerateDataKeyPair${givesPlaintext ? "" : "WithoutPlaintext"}`,
    summary: `Makes a data key pair and encrypts its private key under a key's ${version} version${givesPlaintext ? ", and gives it in the clear too" : ""}.`,
    kind: "crypto",
    throttlingClass: "Asymmetric",
    readWrite: "Read",
    parameters: {
      KeyId: keyId,
      ...(isAdvance ? {} : { Algorithm: optional({ schema: encryptionAlgorithm, description: "How to encrypt it." }) }),
      KeyPairSpec: required({ schema: oneOf(PAIR_SPECS), description: "What pair to make." }),
      KeyFormat: required({
        schema: oneOf(FORMATS),
        description: "How both keys are written: PKCS #8 and X.509, PEM or DER.",
      }),
      Aad: aad,
    },
    result: z.object({
      KeyId: z.string(),
      Iv: z.string(),
      KeyPairSpec: z.string(),
      ...(givesPlaintext && { PrivateKeyPlaintext: z.string() }),
      PrivateKeyCiphertextBlob: z.string(),
      PublicKey: z.string(),
      Algorithm: z.string(),
      ...(isAdvance && { KeyVersionId: z.string() }),
    }),
    recordedResult: isAdvance ? ["KeyVersionId"] : [],
    errors: [
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
      "UnsupportedOperation",
      "Rejected.Disabled",
      "Rejected.PendingDeletion",
      "Rejected.PendingImport",
      "Rejected.LimitExceeded",
      "Rejected.Throttling",
    ],
    target: (context, { KeyId }) => findInstanceKey(context, KeyId),
    access: (context, target) => [onInstanceKey(context, "kms:GenerateDataKey", target)],
    async handle(context, { Algorithm, KeyPairSpec: spec, KeyFormat: format, Aad }, { key }) {
      assertUsable(key.status);
      assertSymmetricKey(key);
      assertGcm(key.spec, Algorithm);
      const { custody, principal } = context;
      const pair = await pairs.run(context, "data key pair", () =>
        toFormat(format, custody.slow.generate(principal.accountId, spec)),
      );
      const under = isAdvance ? key.primaryVersion : initialVersion(key);
      const { versionId } = under.identity;
      context.note({ keyVersionId: versionId });
      using plaintext = new SecretBytes(Buffer.from(pair.privateKey, "base64"));
      const { iv, box } = await sealGcm(context, under, { plaintext: plaintext.bytes, aad: Aad });
      return {
        result: {
          KeyId: key.id,
          Iv: toText(iv),
          KeyPairSpec: spec,
          ...(givesPlaintext && { PrivateKeyPlaintext: pair.privateKey }),
          PrivateKeyCiphertextBlob: toText(isAdvance ? encodeAdvanceBlob({ versionId, iv, box }) : box),
          PublicKey: pair.publicKey,
          Algorithm: gcmAlgorithm(key.spec),
          ...(isAdvance && { KeyVersionId: versionId }),
        },
      };
    },
  });
}

/** Clears the private key. */
async function toFormat(format: Format, made: Promise<KeyPairBytes>): Promise<DataKeyPair> {
  const { privateKey, publicKey } = await made;
  using der = new SecretBytes(privateKey);
  if (format === "DER") return { privateKey: toText(der.bytes), publicKey: toText(publicKey) };
  using pem = new SecretBytes(encodePem("PRIVATE KEY", der.bytes));
  return { privateKey: toText(pem.bytes), publicKey: toText(encodePem("PUBLIC KEY", publicKey)) };
}
