import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import { deriveBytes, deriveKey, SecretBytes } from "@cinnabar/crypto";

/** Length of a root key. */
export const ROOT_KEY_BYTES = 32;

// HKDF's info for each use. What a label derives must never change: stored data depends on it.
const LABELS = {
  /** MACs of the rows that decisions depend on. */
  rowMac: "cinnabar root v1: row mac",
  /** What a row adds to the store's set hash. */
  setHashElement: "cinnabar root v1: set hash element",
  /** Hides and authenticates the stored sums of the set hash. */
  setHashMask: "cinnabar root v1: set hash mask",
  /** Wraps the Ed25519 key that signs checkpoints. */
  checkpointKeyWrap: "cinnabar root v1: checkpoint key wrap",
  /** Wraps the deployment's own keys. */
  deploymentKeyWrap: "cinnabar root v1: deployment key wrap",
  accountKeyWrap: "cinnabar root v1: account key wrap",
  /** The tag in the AccessKey ids that we issue. */
  accessKeyTag: "cinnabar root v1: access key tag",
  accessKeySecretWrap: "cinnabar root v1: access key secret wrap",
} as const;

const CHECK_VALUE_LABEL = "cinnabar root v1: check value";
const CHECK_VALUE_BYTES = 16;

/** What a key derived from the root key is for. */
export type RootKeyUse = keyof typeof LABELS;

/** The key that everything in a deployment hangs on. It is used only to derive keys, one for each use. */
export class RootKey {
  /**
   * Tells root keys apart without telling anything about them: 22 characters of base64url, for 16 bytes derived by
   * HKDF-SHA256. Public: a store keeps it, so that a node with another root key is refused before it touches anything.
   */
  readonly checkValue: string;
  readonly #key: KeyObject;

  /**
   * @param material - 32 uniformly random bytes, which are copied and stay the caller's to clear.
   * @throws RangeError if it has another length.
   */
  constructor(material: Uint8Array) {
    if (material.length !== ROOT_KEY_BYTES) throw new RangeError(`a root key is ${ROOT_KEY_BYTES} bytes`);
    this.#key = createSecretKey(material);
    this.checkValue = deriveBytes({ key: this.#key, label: CHECK_VALUE_LABEL, bytes: CHECK_VALUE_BYTES }).toString(
      "base64url",
    );
  }

  /** A fresh one, from the system's generator. */
  static generate(): RootKey {
    using material = newRootKeyMaterial();
    return new RootKey(material.bytes);
  }

  /** The 32 bytes themselves, for a seal alone. The caller clears them. */
  exportMaterial(): SecretBytes<Buffer> {
    return new SecretBytes(this.#key.export());
  }

  /** A secret key of 32 bytes for this use alone: HKDF-SHA256 of the root key (RFC 5869), the same one every time. */
  derive(use: RootKeyUse): KeyObject {
    return deriveKey({ key: this.#key, label: LABELS[use] });
  }
}

/** Fresh material for a root key, from the system's generator. Cleared when its block ends. */
export function newRootKeyMaterial(): SecretBytes<Buffer> {
  return new SecretBytes(randomBytes(ROOT_KEY_BYTES));
}
