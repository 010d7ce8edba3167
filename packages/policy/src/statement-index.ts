import type { CompiledStatement } from "./compiled-policy.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WholeAccount } from "./principal-pattern.ts";

/** Those of the statements about an action that are not found by a resource's name. */
export interface ActionStatements {
  /** In lower case. */
  readonly action: string;
  /** Those without conditions first. */
  readonly deny: readonly CompiledStatement[];
  readonly allow: readonly CompiledStatement[];
}

/** Statements found by what they are about. Each is asked once at most for each question: none is found in two ways. */
export class StatementIndex {
  /** Those that name all of their resources, by each name. */
  readonly #named = new Map<string, CompiledStatement[]>();
  /** Those that mean many resources. */
  readonly #broad: readonly CompiledStatement[];
  /** Whether any of them is about some principals alone. */
  readonly nameWhom: boolean;

  constructor(statements: readonly CompiledStatement[]) {
    // What needs no look at the circumstances comes first, so that the answer holds longer.
    const ordered = statements.toSorted((one, other) => weight(one) - weight(other));
    this.nameWhom = statements.some(({ statement }) => statement.principals !== undefined);
    this.#broad = ordered.filter((statement) => !isNaming(statement));
    for (const statement of ordered.filter(isNaming)) {
      for (const { text } of statement.resources) {
        if (!this.#named.get(text)?.push(statement)) this.#named.set(text, [statement]);
      }
    }
  }

  about(action: string): ActionStatements {
    const about = this.#broad.filter((statement) => statement.coversAction(action));
    const of = (effect: "Deny" | "Allow") => about.filter(({ verdict }) => verdict.effect === effect);
    return { action: action.toLowerCase(), deny: of("Deny"), allow: of("Allow") };
  }

  /** A statement that applies, if one does: any Deny before every Allow. */
  find(about: ActionStatements, evaluation: Evaluation, wholeAccount: WholeAccount): CompiledStatement | undefined {
    const named = this.#named.get(evaluation.resource.text) ?? NONE;
    const asked = { evaluation, wholeAccount, action: about.action };
    return (
      findNamed(named, "Deny", asked) ??
      findBroad(about.deny, asked) ??
      findNamed(named, "Allow", asked) ??
      findBroad(about.allow, asked)
    );
  }
}

interface Asked {
  readonly evaluation: Evaluation;
  readonly wholeAccount: WholeAccount;
  /** In lower case. */
  readonly action: string;
}

const NONE: readonly CompiledStatement[] = [];

// Loops, since these are on the way of every call. Conditions come last: they are what takes longest.

function findNamed(
  statements: readonly CompiledStatement[],
  effect: "Deny" | "Allow",
  { evaluation, wholeAccount, action }: Asked,
): CompiledStatement | undefined {
  for (const statement of statements) {
    if (statement.verdict.effect !== effect || !statement.coversLowerCaseAction(action)) continue;
    if (statement.applies(evaluation, wholeAccount)) return statement;
  }
  return undefined;
}

function findBroad(
  statements: readonly CompiledStatement[],
  { evaluation, wholeAccount }: Asked,
): CompiledStatement | undefined {
  for (const statement of statements) {
    if (statement.coversResource(evaluation.resource) && statement.applies(evaluation, wholeAccount)) return statement;
  }
  return undefined;
}

function isNaming({ resources }: CompiledStatement): boolean {
  return resources.every(({ isExact }) => isExact);
}

function weight({ conditions }: CompiledStatement): number {
  return conditions.length === 0 ? 0 : 1;
}
