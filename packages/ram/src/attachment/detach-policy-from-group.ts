import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { groups } from "./attached-kind.ts";
import { attachedPolicyParameters, attachmentErrors, detach, onBoth, toNamedAttachment } from "./change-attachment.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const detachPolicyFromGroup = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "DetachPolicyFromGroup",
    summary: "Detaches a policy from a group: nothing is decided by it any more, on any node.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { GroupName: groups.name, ...attachedPolicyParameters },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [...attachmentErrors(groups), groups.notAttached, ...SEPARATION_ERRORS],
    target: (_context, { GroupName: name, ...policy }) => toNamedAttachment({ kind: groups, name }, policy),
    access: (context, attachment) => onBoth(context, "ram:DetachPolicyFromGroup", attachment),
    handle: (context, _parameters, attachment) => detach(context, attachment, separation),
  });
