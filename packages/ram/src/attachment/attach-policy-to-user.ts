import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { users } from "./attached-kind.ts";
import { attach, attachedPolicyParameters, attachmentErrors, onBoth, toNamedAttachment } from "./change-attachment.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const attachPolicyToUser = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "AttachPolicyToUser",
    summary: "Attaches a policy to a user: it is in force at once, on every node.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { UserName: users.name, ...attachedPolicyParameters },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [...attachmentErrors(users), users.alreadyAttached, users.tooMany, ...SEPARATION_ERRORS],
    target: (_context, { UserName: name, ...policy }) => toNamedAttachment({ kind: users, name }, policy),
    access: (context, attachment) => onBoth(context, "ram:AttachPolicyToUser", attachment),
    handle: (context, _parameters, attachment) => attach(context, attachment, separation),
  });
