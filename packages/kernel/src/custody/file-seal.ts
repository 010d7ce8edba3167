import { SecretBytes } from "@cinnabar/crypto";

import { decodeRootKeyFile, encodeRootKeyFile, ROOT_KEY_FILE_BYTES } from "./root-key-file.ts";
import type { RootKey } from "./root-key.ts";
import { type Sealing, type SealMethod, SealOnDisk } from "./seal-on-disk.ts";

/**
 * Keeps the root key in a file that only its owner may read. Convenient, and no stronger than the directory it lies in:
 * whoever takes both the file and the store has every key.
 */
export class FileSeal extends SealOnDisk {
  /** @param path - of the root key file, in a directory that exists. A symbolic link to one may be opened. */
  constructor(path: string) {
    super(path, asItIs);
  }
}

const asItIs: SealMethod = {
  kind: "file",
  maxBytes: ROOT_KEY_FILE_BYTES,
  isPrivate: true,
  claim: (contents, path) => decodeRootKeyFile(contents, path).checkValue,
  seal,
  unseal: async (contents, path) => ({
    rootKey: decodeRootKeyFile(contents, path),
    openNext: async (next, nextPath) => decodeRootKeyFile(next, nextPath),
    sealNext: seal,
  }),
};

async function seal(rootKey: RootKey): Promise<Sealing> {
  using material = rootKey.exportMaterial();
  const secret = new SecretBytes(encodeRootKeyFile(material.bytes));
  return {
    contents: secret.bytes,
    open: async (contents, path) => decodeRootKeyFile(contents, path),
    [Symbol.dispose]: () => secret[Symbol.dispose](),
  };
}
