import {
  type KeyId,
  type KeyMaterial,
  type KeyVersionId,
  newKeyVersionIdOf,
  noMaterial,
  OncePerCall,
  type OngoingCall,
  type RequestContext,
  type RowChange,
} from "@cinnabar/kernel";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import type { KeyPolicy } from "../policy/key-policy.ts";
import type { Tags } from "../tag/tag.ts";
import type { Key } from "./key.ts";
import { insertKey } from "./key-repository.ts";

/** The ids of a new key and of its first version. */
interface NewIds {
  readonly id: KeyId;
  readonly primaryVersionId: KeyVersionId;
}

const ids = new WeakMap<OngoingCall, NewIds>();
const materials = new OncePerCall<KeyMaterial>();

/** The ids of the key that a call makes: the same ones however often it is evaluated, since its material is bound to them. */
export function newIdsOnce({ call }: Pick<RequestContext, "call">, newId: () => KeyId): NewIds {
  let known = ids.get(call);
  if (known === undefined) {
    const id = newId();
    known = { id, primaryVersionId: newKeyVersionIdOf(id) };
    ids.set(call, known);
  }
  return known;
}

/**
 * The rows of a new key, with material of its first version that the keystore makes, once for the call if that takes long; of
 * a key whose material is imported, without any.
 *
 * @param key - with the ids that {@link newIdsOnce} gave.
 */
export async function makeKey(
  context: RequestContext,
  key: Key,
  { tags = new Map(), policy }: { readonly tags?: Tags; readonly policy?: KeyPolicy | undefined } = {},
): Promise<readonly RowChange[]> {
  const { id: keyId, accountId, primaryVersionId: versionId, spec, origin } = key;
  const { current: accountKey } = await findAccountKeys(context, accountId);
  const identity = { accountId, keyId, versionId, spec, origin };
  const version = { identity, accountKey: accountKey.key };
  const { material, publicKey } = await materials.run(context, `${versionId} ${accountKey.version}`, () =>
    origin === "EXTERNAL" ? noMaterial(version) : context.custody.keystore.generate(version),
  );
  return insertKey(context, key, {
    first: { versionId, material, publicKey, accountKeyVersion: accountKey.version },
    tags,
    policy,
  });
}
