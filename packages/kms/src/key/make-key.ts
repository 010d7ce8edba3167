import type { RequestContext, RowChange } from "@cinnabar/kernel";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import type { KeyPolicy } from "../policy/key-policy.ts";
import type { Tags } from "../tag/tag.ts";
import type { Key } from "./key.ts";
import { insertKey } from "./key-repository.ts";

/** The rows of a new key, with material of its first version that the keystore makes. */
export async function makeKey(
  context: RequestContext,
  key: Key,
  { tags = new Map(), policy }: { readonly tags?: Tags; readonly policy?: KeyPolicy | undefined } = {},
): Promise<readonly RowChange[]> {
  const { id: keyId, accountId, primaryVersionId: versionId, spec, origin } = key;
  const { current: accountKey } = await findAccountKeys(context, accountId);
  const identity = { accountId, keyId, versionId, spec, origin };
  const material = await context.custody.keystore.generate({ identity, accountKey: accountKey.key });
  return insertKey(context, key, {
    first: { versionId, material, accountKeyVersion: accountKey.version },
    tags,
    policy,
  });
}
