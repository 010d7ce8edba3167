import { defineOperation, missingParameter, oneOf, optional, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId, onInstance } from "./find-instance.ts";
import { accessUse } from "./instance-access.ts";
import { listAccess } from "./instance-access-repository.ts";
import { findDefaultInstance, type StoredInstance } from "./instance-repository.ts";
import { countKeys } from "./key-quota.ts";

const RESOURCE_TYPES = ["key", "secret", "qps", "vpc"] as const;
type ResourceType = (typeof RESOURCE_TYPES)[number];

export const getKmsInstanceQuotaInfos = defineOperation({
  ...kms,
  name: "GetKmsInstanceQuotaInfos",
  summary: "Tells how much a KMS instance may hold, and how much it holds.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    KmsInstanceId: optional({
      schema: instanceId,
      description: "The instance's id. By default the account's default instance, where it has one.",
    }),
    ResourceType: optional({
      schema: oneOf(RESOURCE_TYPES),
      description:
        "What to tell of: key, each of whose versions counts; secret; qps; or vpc, where other accounts count too. All by default.",
    }),
  },
  result: z.object({
    KmsInstanceId: z.string(),
    KmsInstanceQuotaInfos: z.array(
      z.object({ ResourceType: z.string(), ResourceQuota: z.int(), UsedQuantity: z.int() }),
    ),
  }),
  recordedResult: ["KmsInstanceId"],
  errors: ["Forbidden.DKMSInstanceNotFound"],
  async target(context, { KmsInstanceId }) {
    const id = KmsInstanceId ?? (await findDefaultInstance(context, context.principal.accountId))?.id;
    if (id === undefined) throw missingParameter("KmsInstanceId");
    return findInstance(context, id);
  },
  access: (context, instance) => [onInstance(context, "kms:GetKmsInstanceQuotaInfos", instance)],
  async handle(context, { ResourceType }, instance) {
    const types = ResourceType === undefined ? RESOURCE_TYPES : [ResourceType];
    const infos = await Promise.all(
      types.map(async (type) => ({
        ResourceType: type,
        ResourceQuota: quotaOf(instance, type),
        UsedQuantity: await usedOf(context, instance, type),
      })),
    );
    return { result: { KmsInstanceId: instance.id, KmsInstanceQuotaInfos: infos } };
  },
});

function quotaOf({ quotas }: StoredInstance, type: ResourceType): number {
  switch (type) {
    case "key":
      return quotas.keys;
    case "secret":
      return quotas.secrets;
    case "qps":
      return quotas.qps;
    case "vpc":
      return quotas.access;
  }
}

/** Bounds the time in which the answer holds. */
async function usedOf(context: RequestContext, instance: StoredInstance, type: ResourceType): Promise<number> {
  switch (type) {
    case "key": {
      const { used, from, until } = await countKeys(context, instance.id);
      if (from !== undefined) context.holdsFrom(from);
      if (until !== undefined) context.holdsUntil(until);
      return used;
    }
    case "vpc": {
      const { used, until } = accessUse(instance, await listAccess(context, instance.id), context.now);
      if (until !== undefined) context.holdsUntil(until);
      return used;
    }
    // There are no secrets yet, and nothing is measured of calls.
    case "secret":
    case "qps":
      return 0;
  }
}
