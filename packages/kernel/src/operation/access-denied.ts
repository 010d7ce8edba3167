import type { Decision, Explanation, GateExplanation, StatementReference } from "@cinnabar/policy";
import type { EventObject } from "../audit/event.ts";
import { ApiError, type ErrorCode, ERRORS } from "./errors.ts";
import type { AccessRequest, ProductName, RequestContext } from "./operation.ts";
import type { Principal } from "./principal.ts";

type Refusal = Extract<Decision, { readonly allowed: false }>;
type PolicyType = "SessionPolicy" | "AccountLevelIdentityBasedPolicy" | "AssumeRolePolicy" | "ResourceBasedPolicy";

/**
 * Why a call was refused, in the error's body (Alibaba Cloud RAM, "Troubleshoot permission issues"). The members that
 * begin with a small letter are Cinnabar's own.
 */
export interface AccessDeniedDetail {
  readonly AuthAction: string;
  readonly AuthPrincipalType: "RootUser" | "SubUser" | "AssumedRoleUser" | "Federated" | "Service" | "Application";
  readonly AuthPrincipalDisplayName: string;
  readonly AuthPrincipalOwnerId: string;
  readonly NoPermissionType: "ExplicitDeny" | "ImplicitDeny";
  /** Missing where no policy could allow it. */
  readonly PolicyType?: PolicyType;
  /** The same and more, for DecodeDiagnosticMessage of RAM. */
  readonly EncodedDiagnosticMessage?: string;
  readonly resource: string;
  /** The policies that refused first; `rule` if it was none, but what holds for everybody. */
  readonly gate: Refusal["gate"] | "rule";
  /** The statement that denies, if one does. */
  readonly statement?: DeniedStatement;
  /** What would allow it, in one sentence. */
  readonly smallestChange?: string;
}

interface DeniedStatement {
  /** `<type>/<name>`, and the version of a policy that has several: `Custom/readers/v2`. */
  readonly policy: string;
  /** Counted from 0. */
  readonly index: number;
  readonly sid?: string;
}

/** A refusal that the caller may know the reason of: it is one of its own account. */
export class AccessDeniedError extends ApiError {
  readonly detail: AccessDeniedDetail;

  /**
   * @param options.code - that of a dry run, where it has one of its own.
   * @param options.why - the rule, where it was one.
   */
  constructor(
    product: ProductName,
    detail: AccessDeniedDetail,
    { code = codeOf(product), why }: { readonly code?: ErrorCode; readonly why?: string } = {},
  ) {
    super(code, why ?? messageOf(code, detail));
    this.detail = detail;
  }
}

function codeOf(product: ProductName): ErrorCode {
  return product === "Kms" ? "Forbidden.NoPermission" : "NoPermission";
}

/** The published message, as it is seen where the resource is named. */
function messageOf(code: ErrorCode, { resource, smallestChange }: AccessDeniedDetail): string {
  const said =
    code === "NoPermission"
      ? ERRORS[code].message
      : `This operation for ${resource} is forbidden by permission system.`;
  return smallestChange === undefined ? said : `${said} ${smallestChange}`;
}

const POLICY_TYPES = {
  session: "SessionPolicy",
  identity: "AccountLevelIdentityBasedPolicy",
  resource: "ResourceBasedPolicy",
} as const satisfies Readonly<Record<Refusal["gate"], PolicyType>>;

/** Many statements may deny at once: an error's body and an event have room for some of them. */
const MAX_SENTENCE_CHARACTERS = 2048;
const MAX_MATCHED = 10;
const MAX_REASON_CHARACTERS = 512;

function capped(sentence: string, most = MAX_SENTENCE_CHARACTERS): string {
  return sentence.length <= most ? sentence : `${sentence.slice(0, most - 1).toWellFormed()}…`;
}

/** Why a request was refused. */
export function accessDeniedDetail(
  { action, resource, withinAccount }: Pick<AccessRequest, "action" | "resource" | "withinAccount">,
  {
    principal,
    refusal,
    explanation,
  }: { readonly principal: Principal; readonly refusal: Refusal; readonly explanation: Explanation },
): AccessDeniedDetail & { readonly PolicyType: PolicyType } {
  const { gate, explicit, statement } = refusal;
  const { smallestChange } = explanation;
  return {
    AuthAction: action,
    ...authPrincipal(principal),
    NoPermissionType: explicit ? "ExplicitDeny" : "ImplicitDeny",
    // The trust policy of a role has a name of its own.
    PolicyType: gate === "resource" && withinAccount === "both" ? "AssumeRolePolicy" : POLICY_TYPES[gate],
    resource,
    gate,
    ...(statement !== undefined && { statement: statementDetail(statement) }),
    ...(smallestChange !== undefined && { smallestChange: capped(smallestChange.sentence) }),
  };
}

/**
 * Why a request is refused that no policy could allow, for the error that says so. The event says it, too.
 *
 * @param why - the rule, in one sentence.
 */
export function deniedByRule(
  context: Pick<RequestContext, "principal" | "note">,
  request: Pick<AccessRequest, "action" | "resource"> & { readonly product: ProductName },
  why: string,
): AccessDeniedError {
  const { product, action, resource } = request;
  const detail = {
    AuthAction: action,
    ...authPrincipal(context.principal),
    NoPermissionType: "ExplicitDeny",
    resource,
    gate: "rule",
  } as const;
  context.note(accessDeniedFacts(detail, { gates: [] }));
  return new AccessDeniedError(product, detail, { why });
}

/** The same as an event has it, and what each policy says of the request: whose call it was, the event says by itself. */
export function accessDeniedFacts(detail: AccessDeniedDetail, { gates }: Pick<Explanation, "gates">): EventObject {
  const { AuthAction: action, NoPermissionType, resource, gate, statement, smallestChange } = detail;
  return {
    accessDenied: {
      action,
      gate,
      gates: gates.map(gateFacts),
      resource,
      ...(smallestChange !== undefined && { smallestChange }),
      ...(statement !== undefined && { statement: { ...statement } }),
      type: NoPermissionType,
    },
  };
}

function gateFacts({ gate, required, verdict, matched, nearlyMatched }: GateExplanation): EventObject {
  return {
    gate,
    matched: matched
      .slice(0, MAX_MATCHED)
      .map(({ effect, statement }): EventObject => ({ effect, ...statementDetail(statement) })),
    nearlyMatched: nearlyMatched.map(({ effect, statement, element, reason }): EventObject => ({
      effect,
      element,
      reason: capped(reason, MAX_REASON_CHARACTERS),
      ...statementDetail(statement),
    })),
    required,
    verdict: verdict.effect,
  };
}

function authPrincipal(principal: Principal): {
  readonly AuthPrincipalType: AccessDeniedDetail["AuthPrincipalType"];
  readonly AuthPrincipalDisplayName: string;
  readonly AuthPrincipalOwnerId: string;
} {
  const owner = { AuthPrincipalOwnerId: principal.accountId };
  switch (principal.type) {
    case "root-account":
      return { AuthPrincipalType: "RootUser", AuthPrincipalDisplayName: principal.accountId, ...owner };
    case "ram-user":
      return { AuthPrincipalType: "SubUser", AuthPrincipalDisplayName: principal.userId, ...owner };
    case "assumed-role": {
      const AuthPrincipalType = principal.federatedBy === undefined ? "AssumedRoleUser" : "Federated";
      return {
        AuthPrincipalType,
        AuthPrincipalDisplayName: `${principal.roleName}:${principal.sessionName}`,
        ...owner,
      };
    }
    case "federated-user":
      return { AuthPrincipalType: "Federated", AuthPrincipalDisplayName: principal.subject, ...owner };
    case "application":
      return { AuthPrincipalType: "Application", AuthPrincipalDisplayName: principal.name, ...owner };
    case "service":
      return { AuthPrincipalType: "Service", AuthPrincipalDisplayName: principal.serviceName, ...owner };
  }
}

function statementDetail({ source, index, sid }: StatementReference): DeniedStatement {
  const version = source.version === undefined ? "" : `/${source.version}`;
  return { index, policy: `${source.type}/${source.name}${version}`, ...(sid !== undefined && { sid }) };
}
