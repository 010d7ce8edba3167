import type { CompiledCondition } from "./compiled-condition.ts";
import type { CompiledStatement } from "./compiled-policy.ts";
import type { Evaluation } from "./evaluation.ts";
import type { NearMiss } from "./explanation.ts";
import { describePrincipal, type WholeAccount } from "./principal-pattern.ts";

type Element = NearMiss["element"];

/** Values of a condition that a reason names; the rest is counted. */
const MAX_VALUES = 4;

/** The elements of a statement about the action that a request does not fit. */
export function unfitElements(
  statement: CompiledStatement,
  evaluation: Evaluation,
  wholeAccount: WholeAccount,
): readonly Element[] {
  const unfit: Element[] = [];
  if (!statement.coversResource(evaluation.resource)) unfit.push("Resource");
  if (!statement.coversPrincipal(evaluation.request.principal, wholeAccount)) unfit.push("Principal");
  if (!statement.holds(evaluation)) unfit.push("Condition");
  return unfit;
}

/** What an element asks for, and what the request has instead. */
export function reasonOf(
  element: Element,
  statement: CompiledStatement,
  { evaluation, wholeAccount }: { readonly evaluation: Evaluation; readonly wholeAccount: WholeAccount },
): string {
  switch (element) {
    case "Resource": {
      const about = listed(statement.resources.map(({ text }) => text));
      return `It is about ${about}, not about ${evaluation.resource.text}.`;
    }
    case "Principal":
      return principalReason(statement, evaluation, wholeAccount);
    case "Condition": {
      const failed = statement.conditions.filter((condition) => !condition.holds(evaluation));
      return failed.map((condition) => conditionReason(condition, evaluation)).join(" ");
    }
  }
}

function principalReason(
  statement: CompiledStatement,
  { request: { principal } }: Evaluation,
  wholeAccount: WholeAccount,
): string {
  const about = listed((statement.statement.principals ?? []).map((pattern) => describePrincipal(pattern)));
  const isMember = wholeAccount === "root" && statement.coversPrincipal(principal, "members");
  return isMember
    ? `It is about ${about}, which within the account admits the root alone, not ${principal.arn}.`
    : `It is about ${about}, not about ${principal.arn}.`;
}

function conditionReason({ condition }: CompiledCondition, evaluation: Evaluation): string {
  const { operator, name, key, values } = condition;
  const value = evaluation.valueOf(key);
  const has = value === undefined ? "no value" : listed(typeof value === "string" ? [value] : value);
  return `${name} must fulfil ${operator} ${listed(values)}, but has ${has}.`;
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, MAX_VALUES).join(", ");
  return values.length > MAX_VALUES ? `${shown} and ${values.length - MAX_VALUES} more` : shown;
}
