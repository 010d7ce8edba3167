import { booleanText, type DeclaredOperation, defineOperation, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId, onOwnInstance } from "./find-instance.ts";
import { stateInvalid } from "./instance.ts";
import { deleteAccessRow, listAccess } from "./instance-access-repository.ts";
import { countKeysIn, deleteInstanceRow, touchedInstance } from "./instance-repository.ts";
import type { InstanceShares } from "./instance-shares.ts";

export const releaseKmsInstance = (shares: InstanceShares): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "ReleaseKmsInstance",
    summary: "Gives up a KMS instance. One that holds keys or is shared stays.",
    kind: "control",
    readWrite: "Write",
    parameters: {
      KmsInstanceId: required({ schema: instanceId, description: "The instance's id." }),
      ForceDeleteWithoutBackup: optional({
        schema: booleanText,
        description: "Means nothing here: nothing that an instance holds goes with it.",
      }),
    },
    result: z.object({}),
    recordedResult: [],
    errors: ["Forbidden.DKMSInstanceNotFound", "Forbidden.DKMSInstanceStateInvalid"],
    target: (context, { KmsInstanceId }) => findInstance(context, KmsInstanceId),
    access: (context, instance) => [onOwnInstance(context, "kms:ReleaseKmsInstance", instance)],
    async handle(context, _parameters, instance) {
      const { id } = instance;
      if (instance.deletionProtection !== undefined) {
        throw stateInvalid("The instance is protected: SetDeletionProtection ends that.");
      }
      if (instance.sharedWith.size > 0)
        throw stateInvalid("The instance is shared: withdraw its resource shares first.");
      const keys = await countKeysIn(context, instance);
      if (keys.all > 0) throw stateInvalid(keysRemain(keys));
      const accesses = await listAccess(context, id);
      const { changes, touched } = await shares.takeOut(context, instance);
      return {
        result: {},
        changes: [
          ...changes,
          ...accesses.map((access) => deleteAccessRow(context, access)),
          deleteInstanceRow(context, instance),
        ],
        touched: [...touched, touchedInstance(id)],
      };
    },
  });

/** What to do about keys: the owner may delete those too that guests left behind. */
function keysRemain({ all, ofGuests }: { readonly all: number; readonly ofGuests: number }): string {
  const held = `The instance holds ${all} ${all === 1 ? "key" : "keys"}`;
  const left = ofGuests === 0 ? "" : `, ${ofGuests} of which other accounts left behind`;
  return `${held}${left}: ListKeys with the filter DKMSInstanceId lists them. Delete them with ScheduleKeyDeletion, and wait until they are destroyed.`;
}
