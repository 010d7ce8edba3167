import type { KeyObject } from "node:crypto";

import { type SealMethod, SealOnDisk } from "./seal-on-disk.ts";
import {
  decodeSealedRootKey,
  encodeSealedRootKey,
  MAX_SEALED_ROOT_KEY_BYTES,
  type SealParameters,
  sealRootKey,
  unsealRootKey,
} from "./sealed-root-key.ts";
import type { RootKey } from "./root-key.ts";
import type { SealKind } from "./seal.ts";

/** Where a seal's wrapping key comes from: a passphrase, shares, or another service. */
export interface WrappingKeySource {
  readonly kind: SealKind;
  /** Whether a wrapping key is for one root key alone: then another root key needs another one. */
  readonly isForOneRootKey: boolean;
  /**
   * A new wrapping key, and what leads back to it.
   *
   * @param about - what it is going to wrap: the root key's check value.
   */
  make(about: { readonly rootKey: string }): Promise<MadeWrappingKey>;
  /**
   * The wrapping key that these parameters lead to. Whether it is the right one is checked afterwards.
   *
   * @throws SealError if it cannot be had. `damaged` if the parameters are none of its own.
   */
  find(parameters: SealParameters, about: { readonly rootKey: string; readonly path: string }): Promise<KeyObject>;
  /** A sentence for whoever gave what leads to another wrapping key. */
  wrong(path: string): string;
}

export interface MadeWrappingKey extends Disposable {
  readonly key: KeyObject;
  readonly parameters: SealParameters;
  /** Finds the key as {@link WrappingKeySource.find} does, out of what was just given. */
  findAgain(about: { readonly rootKey: string; readonly path: string }): Promise<KeyObject>;
}

/** Keeps the root key in a file, wrapped under a key that is not there. */
export class WrappedSeal extends SealOnDisk {
  /** @param path - of the sealed root key, in a directory that exists. */
  constructor(path: string, source: WrappingKeySource) {
    super(path, methodOf(source));
  }
}

function methodOf(source: WrappingKeySource): SealMethod {
  const { kind } = source;
  const method: SealMethod = {
    kind,
    maxBytes: MAX_SEALED_ROOT_KEY_BYTES,
    isPrivate: false,
    claim: (contents, path) => decodeSealedRootKey(contents, { kind, path }).rootKey,

    async seal(rootKey) {
      const made = await source.make({ rootKey: rootKey.checkValue });
      try {
        const { key: wrappingKey, parameters } = made;
        const contents = encodeSealedRootKey(sealRootKey({ kind, rootKey, wrappingKey, parameters }));
        return {
          contents,
          async open(file, path) {
            const sealed = decodeSealedRootKey(file, { kind, path });
            const again = await made.findAgain({ rootKey: sealed.rootKey, path });
            return unsealRootKey(sealed, { wrappingKey: again, path, wrong: source.wrong(path) });
          },
          [Symbol.dispose]: () => made[Symbol.dispose](),
        };
      } catch (error) {
        made[Symbol.dispose]();
        throw error;
      }
    },

    async unseal(contents, path) {
      const { parameters, ...sealed } = decodeSealedRootKey(contents, { kind, path });
      const wrappingKey = await source.find(parameters, { rootKey: sealed.rootKey, path });
      const open = async (file: Uint8Array, of: string): Promise<RootKey> => {
        const next = decodeSealedRootKey(file, { kind, path: of });
        const key = source.isForOneRootKey
          ? await source.find(next.parameters, { rootKey: next.rootKey, path: of })
          : wrappingKey;
        return unsealRootKey(next, { wrappingKey: key, path: of, wrong: source.wrong(of) });
      };
      return {
        rootKey: unsealRootKey({ parameters, ...sealed }, { wrappingKey, path, wrong: source.wrong(path) }),
        openNext: open,
        async sealNext(rootKey) {
          if (source.isForOneRootKey) return method.seal(rootKey);
          const next = encodeSealedRootKey(sealRootKey({ kind, rootKey, wrappingKey, parameters }));
          return { contents: next, open, [Symbol.dispose]: () => {} };
        },
      };
    },
  };
  return method;
}
