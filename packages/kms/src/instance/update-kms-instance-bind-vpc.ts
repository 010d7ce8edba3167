import { defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId, onOwnInstance } from "./find-instance.ts";
import { accessQuotaExceeded, accessUse } from "./instance-access.ts";
import { listAccess } from "./instance-access-repository.ts";
import { changeInstance, touchedInstance } from "./instance-repository.ts";
import { vpcsJson } from "./vpc.ts";

export const updateKmsInstanceBindVpc = defineOperation({
  ...kms,
  name: "UpdateKmsInstanceBindVpc",
  summary:
    "Says from which VPCs a KMS instance is reached. They are kept, told and counted in its quota, and mean nothing else here.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KmsInstanceId: required({ schema: instanceId, description: "The instance's id." }),
    BindVpcs: required({
      schema: vpcsJson,
      description: 'All of them, as a JSON array of objects {"VpcId","VSwitchId","RegionId","VpcOwnerId"}.',
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.DKMSInstanceNotFound", "Rejected.ShareQuotaExceedLimit"],
  target: (context, { KmsInstanceId }) => findInstance(context, KmsInstanceId),
  access: (context, instance) => [onOwnInstance(context, "kms:UpdateKmsInstanceBindVpc", instance)],
  async handle(context, { BindVpcs: boundVpcs }, instance) {
    if (JSON.stringify(boundVpcs) === JSON.stringify(instance.boundVpcs)) return { result: {} };
    if (boundVpcs.length > instance.boundVpcs.length) {
      const { used } = accessUse({ boundVpcs }, await listAccess(context, instance.id), context.now);
      if (used > instance.quotas.access) throw accessQuotaExceeded(instance, "Rejected.ShareQuotaExceedLimit");
    }
    return {
      result: {},
      changes: [changeInstance(context, instance, { boundVpcs })],
      touched: [touchedInstance(instance.id)],
    };
  },
});
