import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import { AuthenticationError, deriveKey, SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";

import type { StoreReader } from "../store/backend.ts";
import { readDeployment } from "../store/deployment.ts";
import { type RowGuardKeys, TamperedRowError } from "../store/row-guard.ts";
import type { RootKey, RootKeyUse } from "./root-key.ts";
import { RootKeyRotatedError } from "./root-key-rotated-error.ts";
import { guardKeysOf } from "./row-guard-keys.ts";

/** Keys that stay the same when the root key is rotated, in the order in which they are stored. */
const LASTING = ["rowMac", "setHashElement", "setHashMask", "accessKeyTag"] as const satisfies readonly RootKeyUse[];
const KEY_BYTES = 32;
/** HKDF's info. The key it is derived from outlasts root keys, as what was made with this one has to be recognised for ever. */
const IMPORT_DIGEST_LABEL = "cinnabar imported material digest v1";

type LastingKeys = Readonly<Record<(typeof LASTING)[number], KeyObject>>;

/** The key that account keys are wrapped under, and the root key that it is of. */
export interface AccountKeyWrap {
  /** Check value of the root key. */
  readonly rootKey: string;
  readonly key: KeyObject;
}

/** Where a process finds the wrapping key of a root key that came after it began. Gives `undefined` if there is none. */
export type FollowRootKey = () => Promise<AccountKeyWrap | undefined>;

/**
 * What a process has open of a deployment's keys while it runs. The root key opens them at the start and is needed no
 * more then.
 *
 * Some outlast the root key: the keys of the rows' MACs and the set hash, and of the tag in AccessKey ids. They are
 * random and stored wrapped under the root key; in a store from before they were, they are derived from its first one.
 */
export class DeploymentKeys {
  readonly guardKeys: RowGuardKeys;
  /** For the tag in the AccessKey ids that we issue. */
  readonly accessKeyTag: KeyObject;
  /** For the digest by which imported key material is recognised. */
  readonly importDigest: KeyObject;
  /** Wraps the AccessKey secrets that were stored before account keys wrapped them. */
  readonly accessKeySecretWrap: KeyObject;
  readonly #lasting: LastingKeys;
  #accountKeyWrap: AccountKeyWrap;
  #follow: FollowRootKey | undefined;

  private constructor(rootKey: RootKey, lasting: LastingKeys) {
    this.#lasting = lasting;
    this.guardKeys = guardKeysOf(lasting);
    this.accessKeyTag = lasting.accessKeyTag;
    this.importDigest = deriveKey({ key: lasting.rowMac, label: IMPORT_DIGEST_LABEL });
    this.accessKeySecretWrap = rootKey.derive("accessKeySecretWrap");
    this.#accountKeyWrap = { rootKey: rootKey.checkValue, key: rootKey.derive("accountKeyWrap") };
  }

  /** New ones, for a new deployment. */
  static create(rootKey: RootKey): DeploymentKeys {
    using material = new SecretBytes(randomBytes(LASTING.length * KEY_BYTES));
    return new DeploymentKeys(rootKey, split(material.bytes));
  }

  /**
   * Those of a store.
   *
   * @param stored.wrapped - what {@link DeploymentKeys.wrap} gave; `null` in a store from before there was any.
   * @throws {@link TamperedRowError} if they do not open.
   */
  static open(
    rootKey: RootKey,
    stored: { readonly origin: string; readonly wrapped: Uint8Array | null },
  ): DeploymentKeys {
    if (stored.wrapped === null) return DeploymentKeys.derive(rootKey);
    try {
      using material = new SecretBytes(
        unwrapKey({
          wrappingKey: rootKey.derive("deploymentKeyWrap"),
          wrapped: stored.wrapped,
          identity: identity(stored.origin),
        }),
      );
      return new DeploymentKeys(rootKey, split(material.bytes));
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      throw new TamperedRowError("deployment", "the deployment's keys do not open");
    }
  }

  /** Those of a store that keeps none: they are derived from its root key. */
  static derive(rootKey: RootKey): DeploymentKeys {
    const [rowMac, setHashElement, setHashMask, accessKeyTag] = LASTING.map((use) => rootKey.derive(use));
    return new DeploymentKeys(rootKey, lastingOf([rowMac, setHashElement, setHashMask, accessKeyTag]));
  }

  /** The keys that outlast root keys, wrapped under one, for the store. */
  wrap(rootKey: RootKey, { origin }: { readonly origin: string }): Buffer {
    using material = new SecretBytes(Buffer.alloc(LASTING.length * KEY_BYTES));
    for (const [index, use] of LASTING.entries()) {
      using bytes = new SecretBytes(this.#lasting[use].export());
      material.bytes.set(bytes.bytes, index * KEY_BYTES);
    }
    return wrapKey({
      wrappingKey: rootKey.derive("deploymentKeyWrap"),
      material: material.bytes,
      identity: identity(origin),
    });
  }

  /** What wraps account keys, as far as this process knows. */
  get accountKeyWrap(): AccountKeyWrap {
    return this.#accountKeyWrap;
  }

  /** Says how to learn of root keys to come. */
  followBy(follow: FollowRootKey): void {
    this.#follow = follow;
  }

  /** Looks for the wrapping key of a newer root key and takes it over. @returns whether there was one. */
  async follow(): Promise<boolean> {
    const next = await this.#follow?.();
    if (next === undefined || next.rootKey === this.#accountKeyWrap.rootKey) return false;
    this.#accountKeyWrap = next;
    return true;
  }
}

function split(material: Uint8Array): LastingKeys {
  if (material.length !== LASTING.length * KEY_BYTES) throw new AuthenticationError();
  return lastingOf(
    LASTING.map((_use, index) => createSecretKey(material.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES))),
  );
}

function lastingOf([rowMac, setHashElement, setHashMask, accessKeyTag]: readonly (
  | KeyObject
  | undefined
)[]): LastingKeys {
  if (!rowMac || !setHashElement || !setHashMask || !accessKeyTag) throw new RangeError("a key is missing");
  return { rowMac, setHashElement, setHashMask, accessKeyTag };
}

function identity(origin: string): string[] {
  return ["deployment keys", origin];
}

/**
 * The keys of a store that is there.
 *
 * @param rootKey - the one that the store was sealed under when it was last looked at.
 * @throws RootKeyRotatedError if it is sealed under another one by now. TamperedRowError if they do not open.
 */
export async function openDeploymentKeys(backend: StoreReader, rootKey: RootKey): Promise<DeploymentKeys> {
  const { origin, root_key_check: current, wrapped_keys: wrapped } = await readDeployment(backend);
  if (current !== rootKey.checkValue) throw new RootKeyRotatedError();
  return DeploymentKeys.open(rootKey, { origin, wrapped });
}
