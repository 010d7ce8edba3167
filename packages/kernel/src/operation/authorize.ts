import type { Decision } from "@cinnabar/policy";
import { proceed } from "../platform/proceed.ts";
import { accessDeniedDetail, AccessDeniedError, accessDeniedFacts } from "./access-denied.ts";
import { type Authorizer, isRootsOwn } from "./authorizer.ts";
import { conditionsOf } from "./conditions.ts";
import { type Diagnosis, encodeDiagnosis } from "./diagnostic-message.ts";
import { ApiError } from "./errors.ts";
import type { AccessRequest, ProductName, RequestContext } from "./operation.ts";
import { isStrangerTo } from "./principal.ts";

/** What a call needs, and who is asked. */
interface Asked {
  readonly authorizer: Authorizer;
  readonly context: RequestContext;
  readonly requests: readonly AccessRequest[];
  /** Whose codes refusals have. */
  readonly product: ProductName;
  /** Whether the event is to say which rights the call asked for. Those on keys that it names go without saying. */
  readonly notesRights: boolean;
}

/**
 * The authorization gate: every right that a call needs, one after the other; the first that is missing refuses it. Only
 * within its own account does the caller hear why. Of another account's a resource that may not be used looks like one
 * that does not exist, and nothing of it is recorded.
 *
 * @throws {@link ApiError} `Forbidden.NoPermission`, `NoPermission`, or the resource's own "not found".
 */
export function authorize(asked: Asked): void | Promise<void> {
  return proceed(authorizeFrom(0, asked), () => {
    noteRights(asked);
    for (const { onAllowed } of asked.requests) onAllowed?.();
  });
}

/** Says in the event all rights that the call asked for, which somebody needs who replays the decision. */
function noteRights({ context, requests, notesRights }: Asked): void {
  if (!notesRights || requests.length === 0) return;
  context.note({ rights: requests.map(({ action, resource }) => ({ action, resource })) });
}

function authorizeFrom(first: number, asked: Asked): void | Promise<void> {
  const { authorizer, context, requests } = asked;
  for (let i = first; i < requests.length; i++) {
    const request = requests[i];
    if (request === undefined || isRootsOwn(context, request)) continue;
    const decision = authorizer.decide(context, request);
    const settled =
      decision instanceof Promise ? decision.then((d) => settle(d, request, asked)) : settle(decision, request, asked);
    if (settled instanceof Promise) return settled.then(() => authorizeFrom(i + 1, asked));
  }
  return undefined;
}

/** Whether the caller has a right without which it is still answered, but told less. Bounds the answer's validity. */
export function isAllowed(
  context: RequestContext,
  request: AccessRequest,
  authorizer: Authorizer,
): boolean | Promise<boolean> {
  if (isRootsOwn(context, request)) return true;
  return proceed(authorizer.decide(context, request), ({ allowed, window }) => {
    if (window?.from !== undefined) context.holdsFrom(window.from);
    if (window?.until !== undefined) context.holdsUntil(window.until);
    return allowed;
  });
}

/** Bounds the answer's validity by the decision's, and refuses what is not allowed. */
function settle(decision: Decision, request: AccessRequest, asked: Asked): void | Promise<void> {
  const { context, authorizer, product } = asked;
  const { window } = decision;
  if (window?.from !== undefined) context.holdsFrom(window.from);
  if (window?.until !== undefined) context.holdsUntil(window.until);
  if (decision.allowed) return undefined;
  const { principal } = context;
  if (isStrangerTo(principal, request.accountId)) throw new ApiError(request.hiddenAs);
  return proceed(authorizer.explain(context, request), (explanation) => {
    const detail = accessDeniedDetail(request, { principal, refusal: decision, explanation });
    context.note(accessDeniedFacts(detail, explanation));
    // What was not asked for on the way to the refusal may be another account's, of which nothing is said.
    if (asked.requests.every(({ accountId }) => accountId === principal.accountId)) noteRights(asked);
    const message = encodeDiagnosis(context.guard, diagnose(detail, { context, request, refusal: decision }));
    throw new AccessDeniedError(product, { ...detail, EncodedDiagnosticMessage: message });
  });
}

/** Condition keys that are told of every call. */
const TOLD_CONDITIONS = ["acs:SourceIp", "acs:SecureTransport", "acs:MFAPresent", "acs:CurrentTime"];

function diagnose(
  detail: ReturnType<typeof accessDeniedDetail>,
  {
    context,
    request,
    refusal,
  }: {
    readonly context: RequestContext;
    readonly request: AccessRequest;
    readonly refusal: Extract<Decision, { readonly allowed: false }>;
  },
): Diagnosis {
  const source = refusal.statement?.source;
  const known = conditionsOf(context, request);
  return {
    action: detail.AuthAction,
    resource: detail.resource,
    conditions: Object.fromEntries(TOLD_CONDITIONS.map((key) => [key, String(known.get(key.toLowerCase()))])),
    principal: {
      type: detail.AuthPrincipalType,
      name: detail.AuthPrincipalDisplayName,
      accountId: detail.AuthPrincipalOwnerId,
    },
    policyType: detail.PolicyType,
    isExplicit: refusal.explicit,
    ...(source !== undefined && {
      policy: {
        type: source.type,
        name: source.name,
        ...(source.version !== undefined && { version: source.version }),
      },
    }),
    refusedAt: context.now,
  };
}
