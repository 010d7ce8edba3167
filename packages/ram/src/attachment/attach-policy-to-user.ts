import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { users } from "./attached-kind.ts";
import { attach, attachedPolicyParameters, attachmentErrors, onBoth, toNamedAttachment } from "./change-attachment.ts";

export const attachPolicyToUser = defineOperation({
  ...ram,
  name: "AttachPolicyToUser",
  summary: "Attaches a policy to a user: it is in force at once, on every node.",
  kind: "control",
  readWrite: "Write",
  parameters: { UserName: users.name, ...attachedPolicyParameters },
  result: z.object({}),
  recordedResult: [],
  errors: [...attachmentErrors(users), users.alreadyAttached, users.tooMany],
  target: (_context, { UserName: name, ...policy }) => toNamedAttachment({ kind: users, name }, policy),
  access: (context, attachment) => onBoth(context, "ram:AttachPolicyToUser", attachment),
  handle: (context, _parameters, attachment) => attach(context, attachment),
});
