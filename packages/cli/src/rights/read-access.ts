import type { Answer, CinnabarClient } from "@cinnabar/client";
import { items, text, texts } from "../answer-fields.ts";
import { Failure } from "../failure.ts";
import type { Access, Accessor, AllowedAction, Certainty } from "./access.ts";
import { listPrincipals } from "./list-principals.ts";
import { toPrincipal } from "./to-principal.ts";

/**
 * Asks who may do any of the actions to the resource, and then of each role who may assume it, and so on. The answers are
 * from one moment each, not all from the same.
 */
export async function readAccess(
  client: CinnabarClient,
  { actions, resource }: { readonly actions: readonly string[]; readonly resource: string },
): Promise<Access> {
  const { arn, principals } = await listAccessors(client, actions, resource);
  const assumers: Record<string, readonly Accessor[]> = {};
  const waiting = principals.filter(isOwnRole);
  for (let role = waiting.pop(); role !== undefined; role = waiting.pop()) {
    if (assumers[role.arn] !== undefined) continue;
    const found = await listAccessors(client, ["sts:AssumeRole"], role.arn);
    assumers[role.arn] = found.principals;
    waiting.push(...found.principals.filter(isOwnRole));
  }
  return { resource: arn, principals, assumers };
}

function isOwnRole({ type, needsOwnPolicies }: Accessor): boolean {
  return type === "Role" && !needsOwnPolicies;
}

async function listAccessors(
  client: CinnabarClient,
  actions: readonly string[],
  resource: string,
): Promise<{ readonly arn: string; readonly principals: readonly Accessor[] }> {
  const asked = Object.fromEntries(actions.map((action, index) => [`AuthAction.${index + 1}`, action]));
  const question = { ...asked, AuthResource: resource };
  const { arn, principals } = await listPrincipals(client, "ListPrincipalsForAction", question);
  return { arn, principals: principals.map(toAccessor) };
}

function toAccessor(item: Answer): Accessor {
  return {
    ...toPrincipal(item),
    groups: texts(item, "Groups.Group"),
    actions: items(item, "Actions.Action").map(toAllowedAction),
  };
}

function toAllowedAction(item: Answer): AllowedAction {
  const except = item["Except"] === undefined ? [] : items(item, "Except.Principal");
  return {
    name: text(item["Name"]),
    certainty: toCertainty(item["Certainty"]),
    policies: [...new Set(items(item, "Statements.Statement").map(({ Policy }) => text(Policy)))],
    except: except.map(({ Arn, Certainty }) => ({ arn: text(Arn), certainty: toCertainty(Certainty) })),
  };
}

function toCertainty(value: unknown): Certainty {
  if (value === "Always" || value === "Perhaps") return value;
  throw new Failure("The answer does not say how certain it is.");
}
