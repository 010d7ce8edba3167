import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { groups } from "./attached-kind.ts";
import { attach, attachedPolicyParameters, attachmentErrors, onBoth, toNamedAttachment } from "./change-attachment.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const attachPolicyToGroup = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "AttachPolicyToGroup",
    summary: "Attaches a policy to a group: it is in force at once, on every node.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { GroupName: groups.name, ...attachedPolicyParameters },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [...attachmentErrors(groups), groups.alreadyAttached, groups.tooMany, ...SEPARATION_ERRORS],
    target: (_context, { GroupName: name, ...policy }) => toNamedAttachment({ kind: groups, name }, policy),
    access: (context, attachment) => onBoth(context, "ram:AttachPolicyToGroup", attachment),
    handle: (context, _parameters, attachment) => attach(context, attachment, separation),
  });
