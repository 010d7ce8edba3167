import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { users } from "./attached-kind.ts";
import { attachedPolicyParameters, attachmentErrors, detach, onBoth, toNamedAttachment } from "./change-attachment.ts";

export const detachPolicyFromUser = defineOperation({
  ...ram,
  name: "DetachPolicyFromUser",
  summary: "Detaches a policy from a user: nothing is decided by it any more, on any node.",
  kind: "control",
  readWrite: "Write",
  parameters: { UserName: users.name, ...attachedPolicyParameters },
  result: z.object({}),
  recordedResult: [],
  errors: [...attachmentErrors(users), users.notAttached],
  target: (_context, { UserName: name, ...policy }) => toNamedAttachment({ kind: users, name }, policy),
  access: (context, attachment) => onBoth(context, "ram:DetachPolicyFromUser", attachment),
  handle: (context, _parameters, attachment) => detach(context, attachment),
});
