import { defineOperation, required, storableText } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId, onOwnInstance } from "./find-instance.ts";
import { MAX_INSTANCE_NAME_CHARACTERS } from "./instance.ts";
import { changeInstance, touchedInstance } from "./instance-repository.ts";

/** In no client of Alibaba Cloud's: its provider for Terraform calls it. */
export const updateKmsInstance = defineOperation({
  ...kms,
  name: "UpdateKmsInstance",
  summary: "Gives a KMS instance another name.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KmsInstanceId: required({ schema: instanceId, description: "The instance's id." }),
    InstanceName: required({
      schema: storableText({ maxCharacters: MAX_INSTANCE_NAME_CHARACTERS }),
      description: `Its new name: 1 to ${MAX_INSTANCE_NAME_CHARACTERS} characters.`,
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.DKMSInstanceNotFound"],
  target: (context, { KmsInstanceId }) => findInstance(context, KmsInstanceId),
  access: (context, instance) => [onOwnInstance(context, "kms:UpdateKmsInstance", instance)],
  handle(context, { InstanceName: name }, instance) {
    if (name === instance.name) return { result: {} };
    return {
      result: {},
      changes: [changeInstance(context, instance, { name })],
      touched: [touchedInstance(instance.id)],
    };
  },
});
