import type { Answer } from "@cinnabar/client";
import { text } from "../answer-fields.ts";
import type { Principal } from "./access.ts";

/** Somebody as lists of principals tell it. */
export function toPrincipal(item: Answer): Principal {
  const { Type: type, Arn: arn, Name: name, AccountId: accountId, NeedsOwnPolicies: needsOwnPolicies } = item;
  return {
    type: text(type),
    arn: text(arn),
    name: text(name),
    ...(typeof accountId === "string" && { accountId }),
    needsOwnPolicies: needsOwnPolicies === true,
  };
}
