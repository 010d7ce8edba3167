import type { Decision, Gate } from "./decision.ts";
import type { StatementReference, Verdict } from "./verdict.ts";

/** A decision with its reasons. */
export interface Explanation {
  readonly decision: Decision;
  /** In the order in which they are asked; of a call that a gate refused, the later ones too. */
  readonly gates: readonly GateExplanation[];
  /** What would allow it: there when it is refused, unless no policy could. */
  readonly smallestChange?: SmallestChange;
}

/** What one set of policies says of a request, and why. */
export interface GateExplanation {
  readonly gate: Gate;
  /** Whether it must allow by itself (`allow`), or one of `either`, or may only not deny (`no-deny`). */
  readonly required: "allow" | "either" | "no-deny";
  readonly verdict: Verdict;
  /** Every statement that applies, Deny first. */
  readonly matched: readonly MatchedStatement[];
  /** Statements that are about the action and fail in one other element only, Allow first; at most 5. */
  readonly nearlyMatched: readonly NearMiss[];
}

export interface MatchedStatement {
  readonly effect: "Allow" | "Deny";
  readonly statement: StatementReference;
}

export interface NearMiss {
  readonly effect: "Allow" | "Deny";
  readonly statement: StatementReference;
  /** The element that does not fit. */
  readonly element: "Resource" | "Principal" | "Condition";
  /** One sentence: what the element asks for, and what the request has. */
  readonly reason: string;
}

/** Changes of policies which, all made, allow the request. */
export interface SmallestChange {
  /** For people. */
  readonly sentence: string;
  /** Statements of Deny that apply, and must go or be narrowed. */
  readonly remove: readonly StatementReference[];
  readonly add: readonly AddedStatement[];
}

export interface AddedStatement {
  /** The policies that it is missing in. */
  readonly gate: Gate;
  readonly statement: StatementDocument;
}

/** A statement as JSON. */
export interface StatementDocument {
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Principal?: Readonly<Record<string, readonly string[]>>;
  readonly Resource?: readonly string[];
}
