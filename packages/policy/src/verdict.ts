/** Where a policy comes from, as explanations name it. */
export interface PolicySource {
  readonly type: "System" | "Custom" | "Session" | "Trust" | "Resource" | "Application";
  readonly name: string;
  readonly version?: string;
  /** Whether nobody can change it: then no change of it is proposed. */
  readonly isFixed?: boolean;
}

/** One statement of one policy. */
export interface StatementReference {
  readonly source: PolicySource;
  /** Counted from 0. */
  readonly index: number;
  readonly sid?: string;
}

/**
 * Between which instants something stays as it is while nothing but the time changes: from the first, before the second, in
 * milliseconds since 1970. A side that is missing has no end.
 */
export interface ValidityWindow {
  readonly from?: number;
  readonly until?: number;
}

/**
 * What policies say of a request: an explicit Deny, an Allow, or nothing (an implicit Deny). The window is there if
 * conditions on acs:CurrentTime were looked at.
 */
export type Verdict =
  | { readonly effect: "Deny" | "Allow"; readonly statement: StatementReference; readonly window?: ValidityWindow }
  | { readonly effect: "None"; readonly window?: ValidityWindow };
