import { type Authorizer, isAllowed, type RequestContext, TurnTaker, WorkNeededError } from "@cinnabar/kernel";
import { findReach } from "../instance/reach.ts";
import { readKeyPolicies } from "../policy/key-policy-repository.ts";
import { keyArn } from "../resource-name.ts";
import { readTagsOf } from "./tag-repository.ts";

/** Keys that are looked at in one go. */
const SLICE = 500;

/**
 * Of some keys of the caller's account, those whose tags it may list: what is denied about one key, by its own policy, by the
 * caller's or by a condition on its tags, a list of many does not tell either. Keys are read past the cache, which
 * is for those in use.
 *
 * @throws {@link WorkNeededError} under the epoch's lock, where nobody may read so much. To be thrown on.
 */
export async function findReadable(
  context: RequestContext,
  keyIds: readonly string[],
  authorizer: Authorizer,
): Promise<ReadonlySet<string>> {
  if (!context.allowsWork) throw new WorkNeededError();
  const { region, principal } = context;
  const { accountId } = principal;
  const readable = new Set<string>();
  const turns = new TurnTaker();
  for (let start = 0; start < keyIds.length; start += SLICE) {
    const slice = { accountId, keyIds: keyIds.slice(start, start + SLICE) };
    const tags = await readTagsOf(context, slice);
    for (const key of await readKeyPolicies(context, slice)) {
      await turns.give();
      if ((await findReach(context, key)) === "withdrawn") continue;
      const { keyId, policy } = key;
      const right = {
        action: "kms:ListTagResources",
        resource: keyArn({ region, accountId }, keyId),
        accountId,
        hiddenAs: "InvalidResourceId.NotFound",
        resourcePolicy: policy,
        tags: tags.get(keyId),
      } as const;
      if (await isAllowed(context, right, authorizer)) readable.add(keyId);
    }
  }
  return readable;
}
