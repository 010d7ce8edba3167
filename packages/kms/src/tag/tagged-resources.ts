import {
  type AccessRequest,
  ApiError,
  type ErrorCode,
  ERRORS,
  invalidParameter,
  oneOf,
  type ParameterValues,
  required,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { findLivingKey, isOfAccount, type KeyTarget, onKey } from "../key/find-key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { reachKey } from "../instance/reach.ts";

/** Most resources of one call (Alibaba Cloud SDK, "TagResources", "UntagResources" and "ListTagResources"). */
const MAX_RESOURCES = 50;

/** The parameters that say of what kind the resources of a call are. */
export const resourceKindParameters = {
  RegionId: required({ schema: z.string(), description: "The region of the resources, which is this deployment's." }),
  ResourceType: required({
    schema: oneOf(["key", "secret"]),
    description: "What the resources are: key, or secret, of which there are none yet.",
  }),
};

type ResourceKind = ParameterValues<typeof resourceKindParameters>;

export const resourceIds: z.ZodType<readonly string[]> = z
  .array(z.string())
  .max(MAX_RESOURCES, `There must be at most ${MAX_RESOURCES} resources.`);

/** What the operations on many resources at once answer about these. */
export const RESOURCES_ERRORS: readonly ErrorCode[] = ["InvalidResourceId.NotFound"];

/** @throws ApiError `InvalidParameter` if the region is another one. */
export function assertRegion({ region }: RequestContext, { RegionId }: Pick<ResourceKind, "RegionId">): void {
  if (RegionId !== region) throw invalidParameter("RegionId", `This deployment is the region ${region}.`);
}

/**
 * Finds the keys that a call is about, each once, and says so in the event; of those that others made in the account's instances
 * once the caller has its rights, by {@link onResources}.
 *
 * @throws ApiError `InvalidResourceId.NotFound` if there is one that the caller's account does not have.
 */
export async function findResources(
  context: RequestContext,
  { ResourceType, ids }: Pick<ResourceKind, "ResourceType"> & { readonly ids: readonly string[] },
): Promise<readonly KeyTarget[]> {
  const { accountId } = context.principal;
  const hiddenAs = "InvalidResourceId.NotFound";
  const found = new Map<string, KeyTarget>();
  for (const [index, id] of ids.entries()) {
    const key = ResourceType === "key" ? await findLivingKey(context, id) : undefined;
    if (key === undefined || !(await isOfAccount(context, key, accountId))) {
      throw new ApiError(hiddenAs, `${ERRORS[hiddenAs].message} It is ResourceId.${index + 1}.`);
    }
    found.set(id, { key, hiddenAs, reach: await reachKey(context, key, hiddenAs) });
  }
  const all = [...found.values()];
  const own = all.filter(({ key }) => key.accountId === accountId);
  if (own.length > 0) noteKeys(context, own);
  return all;
}

/** The right to do each of `actions` to every one of the keys. */
export function onResources(
  context: RequestContext,
  actions: readonly string[],
  targets: readonly KeyTarget[],
): readonly AccessRequest[] {
  const rights = targets.flatMap((target) =>
    actions.map((action) => ({ ...onKey(context, action, target), onAllowed: undefined })),
  );
  const [first, ...others] = rights;
  if (first === undefined) return [];
  // Once for them all, when nothing is refused any more.
  return [{ ...first, onAllowed: () => noteKeys(context, targets) }, ...others];
}

function noteKeys(context: RequestContext, targets: readonly KeyTarget[]): void {
  const keys = targets.map(({ key }) => key);
  context.about("ACS::KMS::Key", keys.map(({ id }) => id).join(","));
  context.note({ keys: keys.map((key) => toFacts(key, context.principal.accountId)) });
}

function toFacts({ id: keyId, accountId, stored }: StoredKey, callerAccountId: string) {
  return { keyId, keyRevision: stored.revision, ...(accountId !== callerAccountId && { keyAccountId: accountId }) };
}
