import type { Answer, CinnabarClient } from "@cinnabar/client";
import { items, text, texts } from "../answer-fields.ts";
import { Failure } from "../failure.ts";
import type { Access, Accessor, AllowedAction, Certainty } from "./access.ts";

const RAM = { version: "2015-05-01" };
const PAGE = 1000;

/**
 * Asks who may do any of the actions to the resource, and then of each role who may assume it, and so on. The answers are
 * from one moment each, not all from the same.
 */
export async function readAccess(
  client: CinnabarClient,
  { actions, resource }: { readonly actions: readonly string[]; readonly resource: string },
): Promise<Access> {
  const { arn, principals } = await listPrincipals(client, actions, resource);
  const assumers: Record<string, readonly Accessor[]> = {};
  const waiting = principals.filter(isOwnRole);
  for (let role = waiting.pop(); role !== undefined; role = waiting.pop()) {
    if (assumers[role.arn] !== undefined) continue;
    const found = await listPrincipals(client, ["sts:AssumeRole"], role.arn);
    assumers[role.arn] = found.principals;
    waiting.push(...found.principals.filter(isOwnRole));
  }
  return { resource: arn, principals, assumers };
}

function isOwnRole({ type, needsOwnPolicies }: Accessor): boolean {
  return type === "Role" && !needsOwnPolicies;
}

async function listPrincipals(
  client: CinnabarClient,
  actions: readonly string[],
  resource: string,
): Promise<{ readonly arn: string; readonly principals: Accessor[] }> {
  const asked = Object.fromEntries(actions.map((action, index) => [`AuthAction.${index + 1}`, action]));
  const principals: Accessor[] = [];
  let marker: string | undefined;
  for (;;) {
    const page = { MaxItems: PAGE, Marker: marker };
    const answer = await client.call("ListPrincipalsForAction", { ...asked, AuthResource: resource, ...page }, RAM);
    principals.push(...items(answer, "Principals.Principal").map(toAccessor));
    if (answer["IsTruncated"] !== true) return { arn: text(answer["AuthResource"]), principals };
    const next = text(answer["Marker"]);
    if (next === "" || next === marker) throw new Failure("The answer says that there is more, but not where.");
    marker = next;
  }
}

function toAccessor(item: Answer): Accessor {
  const { Type: type, Arn: arn, Name: name, AccountId: accountId, NeedsOwnPolicies: needsOwnPolicies } = item;
  return {
    type: text(type),
    arn: text(arn),
    name: text(name),
    ...(typeof accountId === "string" && { accountId }),
    needsOwnPolicies: needsOwnPolicies === true,
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
