import type { CompiledStatement } from "./compiled-policy.ts";
import { describePrincipal } from "./principal-pattern.ts";
import type { PolicySet } from "./policy-set.ts";
import type { PrincipalPattern } from "./policy.ts";
import { ResourceName } from "./resource-pattern.ts";
import type { StatementReference } from "./verdict.ts";

/** Somebody to whom the policy of a resource, or a role's trust policy, allows something. */
export interface Admission {
  readonly principal: PrincipalPattern;
  /** Members of the account who are denied it, always or under conditions; of a whole account alone. */
  readonly except: readonly DeniedMember[];
  /** Whether conditions decide: those of the Allow, or of a Deny. */
  readonly conditional: boolean;
  /** The statements that allow it, those without conditions first. */
  readonly statements: readonly StatementReference[];
}

/** Somebody of an account that is admitted as a whole, who is denied it all the same. */
export interface DeniedMember {
  readonly principal: PrincipalPattern;
  /** Whether conditions decide. */
  readonly conditional: boolean;
}

/**
 * Whom policies of a resource, or a role's trust policy, admit to an action, in the order in which they name them. Of the
 * policies of identities it is not asked: with a whole account come those of its members whom they allow, or its root alone
 * ({@link WholeAccount}).
 */
export function admits(policies: PolicySet, action: string, resource: string): readonly Admission[] {
  const name = new ResourceName(resource);
  const about = policies.statementsAbout(action).filter((statement) => statement.coversResource(name));
  const allowing = about.filter(({ verdict }) => verdict.effect === "Allow");
  const denying = about.filter(({ verdict }) => verdict.effect === "Deny");
  const named = new Map(principalsOf(allowing).map((pattern) => [describePrincipal(pattern), pattern]));
  return [...named.values()].flatMap((principal) => admissionOf(principal, allowing, denying) ?? []);
}

function admissionOf(
  principal: PrincipalPattern,
  allowing: readonly CompiledStatement[],
  denying: readonly CompiledStatement[],
): Admission | undefined {
  const denials = denying.filter((statement) => principalsOf([statement]).some((each) => contains(each, principal)));
  if (denials.some(isUnconditional)) return undefined;
  const allows = allowing.filter((statement) => principalsOf([statement]).some((each) => contains(each, principal)));
  const conditional = denials.length > 0 || !allows.some(isUnconditional);
  const isMember = (each: PrincipalPattern): boolean => each.type !== "account" && contains(principal, each);
  const except = denying.flatMap((statement) =>
    principalsOf([statement])
      .filter(isMember)
      .map((principal) => ({ principal, conditional: !isUnconditional(statement) })),
  );
  const inOrder = [...allows.filter(isUnconditional), ...allows.filter((statement) => !isUnconditional(statement))];
  return { principal, except, conditional, statements: inOrder.map(({ reference }) => reference) };
}

function principalsOf(statements: readonly CompiledStatement[]): readonly PrincipalPattern[] {
  return statements.flatMap(({ statement }) => statement.principals ?? []);
}

function isUnconditional({ conditions }: CompiledStatement): boolean {
  return conditions.length === 0;
}

/** Whether one principal is the other, or the account that it belongs to. */
function contains(one: PrincipalPattern, other: PrincipalPattern): boolean {
  if (one.type === "account") return "accountId" in other && other.accountId === one.accountId;
  return describePrincipal(one) === describePrincipal(other);
}
