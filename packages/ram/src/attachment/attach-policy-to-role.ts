import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { roles } from "./attached-kind.ts";
import { attach, attachedPolicyParameters, attachmentErrors, onBoth, toNamedAttachment } from "./change-attachment.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const attachPolicyToRole = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "AttachPolicyToRole",
    summary: "Attaches a policy to a role: it is in force at once, on every node.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { RoleName: roles.name, ...attachedPolicyParameters },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [...attachmentErrors(roles), roles.alreadyAttached, roles.tooMany, ...SEPARATION_ERRORS],
    target: (_context, { RoleName: name, ...policy }) => toNamedAttachment({ kind: roles, name }, policy),
    access: (context, attachment) => onBoth(context, "ram:AttachPolicyToRole", attachment),
    handle: (context, _parameters, attachment) => attach(context, attachment, separation),
  });
