import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { roles } from "./attached-kind.ts";
import { attachedPolicyParameters, attachmentErrors, detach, onBoth, toNamedAttachment } from "./change-attachment.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const detachPolicyFromRole = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "DetachPolicyFromRole",
    summary: "Detaches a policy from a role: nothing is decided by it any more, on any node.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { RoleName: roles.name, ...attachedPolicyParameters },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [...attachmentErrors(roles), roles.notAttached, ...SEPARATION_ERRORS],
    target: (_context, { RoleName: name, ...policy }) => toNamedAttachment({ kind: roles, name }, policy),
    access: (context, attachment) => onBoth(context, "ram:DetachPolicyFromRole", attachment),
    handle: (context, _parameters, attachment) => detach(context, attachment, separation),
  });
