import {
  type AuthorizationContext,
  type Authorizer,
  conditionsOf,
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  type Principal,
  required,
  type RequestContext,
  toPolicyPrincipal,
} from "@cinnabar/kernel";
import { explain, type Explanation, type Gate } from "@cinnabar/policy";
import { z } from "zod";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { authPrincipal, loadAskedPrincipal, parseAskedPrincipal } from "./asked-principal.ts";
import type { Applications } from "./applications.ts";
import {
  askedBy,
  authResource,
  findAskedResource,
  type FindRight,
  type FoundRight,
  isAssuming,
} from "./asked-resource.ts";
import { authAction } from "./auth-action.ts";
import { authCondition, type Circumstances, toCircumstances } from "./circumstances.ts";
import { changeView, gateView, statementView, toChangeView, toGateViews, toStatementView } from "./explanation-view.ts";
import { UNDISCLOSED_IDENTITY, undisclosedResourcePolicy } from "./undisclosed.ts";

/** What questions about rights need that is not in a request's context. */
export interface AccessParts {
  /** The one that decides calls. */
  readonly authorizer: Authorizer;
  /** Knows what has a policy of its own outside of RAM. */
  readonly findRight: FindRight;
  readonly applications: Applications;
}

/**
 * GetAccessExplanation, which the published API does not have: how a call would be decided, and why. It is decided by what
 * decides calls.
 */
export function getAccessExplanation({ authorizer, findRight, applications }: AccessParts): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "GetAccessExplanation",
    summary: "Explains whether a principal may do something to a resource: gate by gate, and what would allow it.",
    kind: "read",
    readWrite: "Read",
    parameters: {
      AuthPrincipal: authPrincipal,
      AuthAction: required({ schema: authAction, description: "What it would do, such as kms:Decrypt." }),
      AuthResource: authResource,
      AuthCondition: authCondition,
    },
    result: z.object({
      Decision: z.string(),
      AuthPrincipal: z.string(),
      AuthAction: z.string(),
      AuthResource: z.string(),
      DecidedBy: z.object(statementView).optional(),
      RefusedBy: z.string().optional(),
      Gates: z.object({ Gate: z.array(gateView) }),
      SmallestChange: changeView.optional(),
    }),
    recordedResult: ["Decision"],
    errors: [
      "EntityNotExist.User",
      "EntityNotExist.Role",
      "EntityNotExist.OIDCProvider",
      "Forbidden.ResourceNotFound",
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
    ],
    target: (context, { AuthResource }) => findAskedResource(context, AuthResource, findRight),
    access: (context, { toSee }) => [onAccount(context, "ram:GetAccessExplanation"), ...toSee],
    async handle(context, { AuthPrincipal, AuthAction: action, AuthCondition }, asked) {
      const reference = parseAskedPrincipal(context, AuthPrincipal);
      const circumstances = toCircumstances(context, AuthCondition);
      assertAskable(context, { reference, isOwn: asked.isOwn, action, circumstances });
      const { mfaPresent } = circumstances;
      const principal = await loadAskedPrincipal(context, reference, { mfaPresent, applications });
      const request = await asked.rightTo(action);
      const question = { context, principal, circumstances, request, authorizer };
      const { explanation, undisclosed } = await answer(question, asked.isOwn);
      const { decision, smallestChange } = explanation;
      if (circumstances.isNow) holdWithin(context, decision.window ?? {});
      // What allows it may stand for what another account's policies say.
      const isOpen = decision.allowed && undisclosed !== undefined;
      const decisive = isOpen ? undefined : decision.allowed ? decision.by : decision.statement;
      return {
        result: {
          Decision: isOpen ? "OtherAccount" : decision.allowed ? "Allowed" : "Denied",
          AuthPrincipal: principal.arn,
          AuthAction: action,
          AuthResource: asked.arn,
          ...(decisive !== undefined && decisive !== "root" && { DecidedBy: toStatementView(decisive) }),
          ...(!decision.allowed && { RefusedBy: decision.gate }),
          Gates: { Gate: toGateViews(explanation, undisclosed) },
          ...(smallestChange !== undefined && { SmallestChange: toChangeView(smallestChange) }),
        },
      };
    },
  });
}

/** @throws ApiError `InvalidParameter` for what no answer could be given to, or none that means anything. */
function assertAskable(
  { principal }: RequestContext,
  {
    reference,
    isOwn,
    action,
    circumstances,
  }: {
    readonly reference: ReturnType<typeof parseAskedPrincipal>;
    readonly isOwn: boolean;
    readonly action: string;
    readonly circumstances: Circumstances;
  },
): void {
  if (!isOwn && reference.accountId !== principal.accountId) {
    throw invalidParameter("AuthPrincipal", "The principal or the resource must be of your account.");
  }
  const isOfOne = reference.kind === "application" || reference.kind === "provider";
  if (isOfOne && reference.accountId !== principal.accountId) {
    throw invalidParameter("AuthPrincipal", "An application or a provider must be of your account.");
  }
  if (reference.kind === "root" && isAssuming(action)) {
    throw invalidParameter("AuthPrincipal", "Roles may not be assumed by the root of an account.");
  }
  if (reference.kind !== "role" && circumstances.mfaPresent) {
    throw invalidParameter("AuthCondition", "Only sessions of roles can have a second factor.");
  }
}

interface Question {
  readonly context: RequestContext;
  readonly principal: Principal;
  readonly circumstances: Circumstances;
  readonly request: FoundRight;
  readonly authorizer: Authorizer;
}

interface ExplainedAnswer {
  readonly explanation: Explanation;
  /** The gate whose policies are another account's: they are taken to allow it. */
  readonly undisclosed?: Gate;
}

async function answer(question: Question, isOwn: boolean): Promise<ExplainedAnswer> {
  const { context, principal, circumstances, authorizer } = question;
  const { now, isSecure, sourceAddress, conditions } = circumstances;
  const call: AuthorizationContext = {
    principal,
    now,
    isSecure,
    sourceAddress,
    find: (kind, id) => context.find(kind, id),
  };
  const request = askedBy(principal, { ...question.request, conditions: withIssuer(conditions, principal) });
  const asked = toPolicyPrincipal(principal);
  if (principal.accountId !== context.principal.accountId) {
    const explanation = explain({
      request: {
        action: request.action,
        resource: request.resource,
        principal: asked,
        conditions: conditionsOf(call, request),
      },
      resourceAccountId: request.accountId,
      identity: UNDISCLOSED_IDENTITY,
      resourcePolicy: request.resourcePolicy,
      withinAccount: request.withinAccount,
    });
    // Neither a root nor a service has policies of its own.
    const hasPolicies = principal.type !== "root-account" && principal.type !== "service";
    return hasPolicies ? { explanation, undisclosed: "identity" } : { explanation };
  }
  if (isOwn) return { explanation: await authorizer.explain(call, request) };
  const resourcePolicy = undisclosedResourcePolicy(asked);
  return { explanation: await authorizer.explain(call, { ...request, resourcePolicy }), undisclosed: "resource" };
}

/** All tokens of a provider are of its issuer. */
function withIssuer(conditions: ReadonlyMap<string, string>, principal: Principal): ReadonlyMap<string, string> {
  return principal.type === "federated-user"
    ? new Map([...conditions, ["oidc:iss", principal.identity.issuer]])
    : conditions;
}

function holdWithin(
  context: RequestContext,
  { from, until }: { readonly from?: number; readonly until?: number },
): void {
  if (from !== undefined) context.holdsFrom(from);
  if (until !== undefined) context.holdsUntil(until);
}
