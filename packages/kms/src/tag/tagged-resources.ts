import {
  type AccessRequest,
  ApiError,
  type ErrorCode,
  ERRORS,
  invalidParameter,
  type ParameterValues,
  required,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { findLivingKey, onKey } from "../key/find-key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { assertReachable } from "../instance/reach.ts";
import { oneOf } from "../parameters/one-of.ts";

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
 * Finds the keys that a call is about, each once, and says so in the event.
 *
 * @throws ApiError `InvalidResourceId.NotFound` if there is one that the caller's account does not have.
 */
export async function findResources(
  context: RequestContext,
  { ResourceType, ids }: Pick<ResourceKind, "ResourceType"> & { readonly ids: readonly string[] },
): Promise<readonly StoredKey[]> {
  const keys = new Map<string, StoredKey>();
  for (const [index, id] of ids.entries()) {
    const key = ResourceType === "key" ? await findLivingKey(context, id) : undefined;
    if (key?.accountId !== context.principal.accountId) {
      const { message } = ERRORS["InvalidResourceId.NotFound"];
      throw new ApiError("InvalidResourceId.NotFound", `${message} It is ResourceId.${index + 1}.`);
    }
    await assertReachable(context, key, "InvalidResourceId.NotFound");
    keys.set(id, key);
  }
  context.about("ACS::KMS::Key", [...keys.keys()].join(","));
  context.note({ keys: [...keys.values()].map(({ id, stored }) => ({ keyId: id, keyRevision: stored.revision })) });
  return [...keys.values()];
}

/** The right to do each of `actions` to every one of the keys. */
export function onResources(
  context: RequestContext,
  actions: readonly string[],
  keys: readonly StoredKey[],
): readonly AccessRequest[] {
  return keys.flatMap((key) =>
    actions.map((action) => onKey(context, action, { key, hiddenAs: "InvalidResourceId.NotFound" })),
  );
}
