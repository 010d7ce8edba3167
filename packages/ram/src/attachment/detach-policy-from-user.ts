import { type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { users } from "./attached-kind.ts";
import { attachedPolicyParameters, attachmentErrors, detach, onBoth, toNamedAttachment } from "./change-attachment.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const detachPolicyFromUser = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "DetachPolicyFromUser",
    summary: "Detaches a policy from a user: nothing is decided by it any more, on any node.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { UserName: users.name, ...attachedPolicyParameters },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [...attachmentErrors(users), users.notAttached, ...SEPARATION_ERRORS],
    target: (_context, { UserName: name, ...policy }) => toNamedAttachment({ kind: users, name }, policy),
    access: (context, attachment) => onBoth(context, "ram:DetachPolicyFromUser", attachment),
    handle: (context, _parameters, attachment) => detach(context, attachment, separation),
  });
