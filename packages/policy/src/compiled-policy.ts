import { CompiledCondition } from "./compiled-condition.ts";
import type { Evaluation } from "./evaluation.ts";
import { matchesPrincipal, type WholeAccount } from "./principal-pattern.ts";
import type { Policy, PolicyKind, Statement } from "./policy.ts";
import type { PolicyPrincipal } from "./request.ts";
import { type ResourceName, ResourcePattern } from "./resource-pattern.ts";
import type { PolicySource, StatementReference, Verdict } from "./verdict.ts";
import { memoryOf } from "./memory-of.ts";
import { Wildcard } from "./wildcard.ts";

/** A statement made ready to be asked. */
export class CompiledStatement {
  readonly statement: Statement;
  readonly reference: StatementReference;
  /** What it says of whatever it applies to. */
  readonly verdict: Verdict & { readonly effect: "Allow" | "Deny" };
  readonly resources: readonly ResourcePattern[];
  readonly conditions: readonly CompiledCondition[];
  readonly #actions: readonly Wildcard[];

  constructor(statement: Statement, reference: StatementReference) {
    this.statement = statement;
    this.reference = reference;
    this.verdict = { effect: statement.effect, statement: reference };
    this.resources = statement.resources.map((resource) => new ResourcePattern(resource));
    this.conditions = statement.conditions.map((condition) => new CompiledCondition(condition));
    this.#actions = statement.actions.map((action) => new Wildcard(action.toLowerCase()));
  }

  /** Letters' case does not matter. */
  coversAction(action: string): boolean {
    return this.coversLowerCaseAction(action.toLowerCase());
  }

  coversLowerCaseAction(action: string): boolean {
    return this.#actions.some((pattern) => pattern.matches(action)) !== this.statement.exceptActions;
  }

  coversResource(resource: ResourceName): boolean {
    // A loop, since this is on the way of every call.
    for (const pattern of this.resources) if (pattern.matches(resource)) return true;
    return false;
  }

  /** A Deny that names an account binds all of its members, whatever an Allow does. */
  coversPrincipal(principal: PolicyPrincipal, wholeAccount: WholeAccount): boolean {
    const { principals, effect } = this.statement;
    if (principals === undefined) return true;
    const meant = effect === "Deny" ? "members" : wholeAccount;
    return principals.some((pattern) => matchesPrincipal(pattern, principal, meant));
  }

  /** Whether it says something of a request whose action and resource it covers. */
  applies(evaluation: Evaluation, wholeAccount: WholeAccount): boolean {
    return this.coversPrincipal(evaluation.request.principal, wholeAccount) && this.holds(evaluation);
  }

  /** Whether all conditions hold. */
  holds(evaluation: Evaluation): boolean {
    // A loop, since this is on the way of every call.
    for (const condition of this.conditions) if (!condition.holds(evaluation)) return false;
    return true;
  }
}

/** Whether a statement denies whatever the circumstances are. */
export function isCertainDenial({ verdict, conditions }: CompiledStatement): boolean {
  return verdict.effect === "Deny" && conditions.length === 0;
}

/** A policy made ready to be asked. */
export interface CompiledPolicy {
  readonly kind: PolicyKind;
  readonly source: PolicySource;
  readonly statements: readonly CompiledStatement[];
  /** About how many bytes of memory it takes. */
  readonly bytes: number;
}

/**
 * Makes a policy ready to be asked; what can be computed once is.
 *
 * @param source - what explanations call it
 */
export function compilePolicy({ kind, statements }: Policy, source: PolicySource): CompiledPolicy {
  return {
    kind,
    source,
    bytes: memoryOf(statements),
    statements: statements.map((statement, index) => {
      const { sid } = statement;
      return new CompiledStatement(statement, { source, index, ...(sid !== undefined && { sid }) });
    }),
  };
}
