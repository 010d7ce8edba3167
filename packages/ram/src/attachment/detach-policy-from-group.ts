import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { groups } from "./attached-kind.ts";
import { attachedPolicyParameters, attachmentErrors, detach, onBoth, toNamedAttachment } from "./change-attachment.ts";

export const detachPolicyFromGroup = defineOperation({
  ...ram,
  name: "DetachPolicyFromGroup",
  summary: "Detaches a policy from a group: nothing is decided by it any more, on any node.",
  kind: "control",
  readWrite: "Write",
  parameters: { GroupName: groups.name, ...attachedPolicyParameters },
  result: z.object({}),
  recordedResult: [],
  errors: [...attachmentErrors(groups), groups.notAttached],
  target: (_context, { GroupName: name, ...policy }) => toNamedAttachment({ kind: groups, name }, policy),
  access: (context, attachment) => onBoth(context, "ram:DetachPolicyFromGroup", attachment),
  handle: (context, _parameters, attachment) => detach(context, attachment),
});
