import { constants, generateKeyPairSync, privateDecrypt } from "node:crypto";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** Somebody to whom data keys are exported. */
export const RECEIVER = {
  parameters: {
    PublicKeyBlob: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    WrappingKeySpec: "RSA_2048",
    WrappingAlgorithm: "RSAES_OAEP_SHA_256",
  },
  /** The bytes of an exported data key. */
  open(exported: unknown, oaepHash: "sha256" | "sha1" = "sha256"): Buffer {
    const wrapped = Buffer.from(String(exported), "base64");
    return privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, wrapped);
  },
} as const;
