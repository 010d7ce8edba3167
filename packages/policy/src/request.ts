/** Who asks. */
export interface PolicyPrincipal {
  readonly kind: "root" | "user" | "role" | "service" | "application" | "federated";
  /** The account it belongs to: 16 digits, or empty for services and federated principals, which belong to none. */
  readonly accountId: string;
  /** A user's, role's or access point's name, a service such as `oss.aliyuncs.com`, or a provider's ARN. Not used for roots. */
  readonly name: string;
  /** The session's name, where a role is assumed. */
  readonly session?: string;
  readonly arn: string;
}

/**
 * What is known of a call. Names of condition keys are asked for in lower case; in names with a slash only what stands
 * before it is (`kms:tag/Team`), since tags with different cases are different tags.
 *
 * Times are ISO 8601 in UTC with all their milliseconds, as `Date.toISOString` writes them, booleans `true` or `false`.
 * The same key has the same value as long as one request is evaluated.
 */
export interface ConditionSource {
  get(key: string): string | readonly string[] | undefined;
}

/** What is asked: may this principal do this to that, under these circumstances. */
export interface PolicyRequest {
  /** `<service>:<Action>`. */
  readonly action: string;
  /** An ARN, or `*` for an action on nothing in particular, which only a statement about `*` covers. */
  readonly resource: string;
  readonly principal: PolicyPrincipal;
  readonly conditions: ConditionSource;
  /** Whether it is asked without being made, about actions that there need not be: then nothing of it is remembered. */
  readonly isImagined?: boolean;
}
