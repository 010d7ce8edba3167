import { defineOperation, oneOf, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId, onOwnInstance } from "./find-instance.ts";
import { type InstanceNetwork, stateInvalid } from "./instance.ts";
import { changeInstance, type StoredInstance, touchedInstance } from "./instance-repository.ts";
import { networkId, networkIds } from "./vpc.ts";

export const connectKmsInstance = defineOperation({
  ...kms,
  name: "ConnectKmsInstance",
  summary:
    "Puts a KMS instance to use. The network that it is said to stand in is kept and told, and means nothing here.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KmsInstanceId: required({ schema: instanceId, description: "The instance's id." }),
    KMProvider: required({ schema: oneOf(["Aliyun"]), description: "Who provides it: Aliyun." }),
    VpcId: required({ schema: networkId, description: "The VPC that it is to stand in, for good." }),
    ZoneIds: required({
      schema: networkIds({ min: 2, max: 2, areDifferent: true }),
      description: "Two zones, with a comma between them.",
    }),
    VSwitchIds: required({
      schema: networkIds({ min: 1, max: 2 }),
      description: "Its vSwitches in these zones: one, or two with a comma between them, which may be the same.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.DKMSInstanceNotFound", "Forbidden.DKMSInstanceStateInvalid"],
  target: (context, { KmsInstanceId }) => findInstance(context, KmsInstanceId),
  access: (context, instance) => [onOwnInstance(context, "kms:ConnectKmsInstance", instance)],
  handle(context, { VpcId: vpcId, ZoneIds: zoneIds, VSwitchIds: vSwitchIds }, instance) {
    const network = { vpcId, zoneIds, vSwitchIds };
    if (isConnectedTo(instance, network)) return { result: {} };
    if (instance.type !== "software") throw stateInvalid("Software instances alone are connected so.");
    if (instance.network !== undefined) throw stateInvalid("The instance is connected already, and keeps its network.");
    const connectedAt = instance.connectedAt ?? context.now;
    return {
      result: {},
      changes: [changeInstance(context, instance, { state: "Connected", connectedAt, network })],
      touched: [touchedInstance(instance.id)],
    };
  },
});

function isConnectedTo({ network }: StoredInstance, { vpcId, zoneIds, vSwitchIds }: InstanceNetwork): boolean {
  return (
    network?.vpcId === vpcId &&
    network.zoneIds.join() === zoneIds.join() &&
    network.vSwitchIds.join() === vSwitchIds.join()
  );
}
