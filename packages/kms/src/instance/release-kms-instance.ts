import { defineOperation, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { flag } from "../parameters/one-of.ts";
import { findOwnInstance, instanceId, onInstance } from "./find-instance.ts";
import { stateInvalid } from "./instance.ts";
import { deleteAccessRow, listAccess } from "./instance-access-repository.ts";
import { deleteInstanceRow, hasKeys, touchedInstance } from "./instance-repository.ts";

export const releaseKmsInstance = defineOperation({
  ...kms,
  name: "ReleaseKmsInstance",
  summary: "Gives up a KMS instance. One that holds keys or is shared stays.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KmsInstanceId: required({ schema: instanceId, description: "The instance's id." }),
    ForceDeleteWithoutBackup: optional({
      schema: flag,
      description: "Means nothing here: nothing that an instance holds goes with it.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.DKMSInstanceNotFound", "Forbidden.DKMSInstanceStateInvalid"],
  target: (context, { KmsInstanceId }) => findOwnInstance(context, KmsInstanceId),
  access: (context, instance) => [onInstance(context, "kms:ReleaseKmsInstance", instance)],
  async handle(context, _parameters, instance) {
    const { id } = instance;
    if (instance.deletionProtection !== undefined) {
      throw stateInvalid("The instance is protected: SetDeletionProtection ends that.");
    }
    if (instance.sharedWith.size > 0) throw stateInvalid("The instance is shared: withdraw its resource shares first.");
    if (await hasKeys(context, id)) {
      throw stateInvalid(
        "The instance holds keys: delete them with ScheduleKeyDeletion, and wait until they are destroyed.",
      );
    }
    const accesses = await listAccess(context, id);
    return {
      result: {},
      changes: [...accesses.map((access) => deleteAccessRow(context, access)), deleteInstanceRow(context, instance)],
      touched: [touchedInstance(id)],
    };
  },
});
