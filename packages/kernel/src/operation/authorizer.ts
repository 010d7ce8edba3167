import type { Decision, Explanation } from "@cinnabar/policy";
import type { EntityFinder } from "../store/entity-cache.ts";
import type { AccessRequest } from "./operation.ts";
import type { Principal } from "./principal.ts";

/** What a decision on a right depends on, beside the policies. */
export interface AuthorizationContext extends EntityFinder {
  readonly principal: Principal;
  /** Store time in milliseconds since 1970. */
  readonly now: number;
  /** Whether the call came over TLS. */
  readonly isSecure: boolean;
  /** Address of the caller, or what a trusted proxy says it is. */
  readonly sourceAddress: string;
}

/**
 * Decides who may do what. What a decision depends on is found through the context, so that it falls with it; the
 * instants between which it stands by time conditions come with the decision.
 */
export interface Authorizer {
  decide(context: AuthorizationContext, request: AccessRequest): Decision | Promise<Decision>;
  /** Why it is decided so, gate by gate. Asked after a refusal only. */
  explain(context: AuthorizationContext, request: AccessRequest): Explanation | Promise<Explanation>;
}

/** What the root of an account may do whatever policies there are: anything to what its account owns and has no policy. */
export function isRootsOwn({ principal }: AuthorizationContext, request: AccessRequest): boolean {
  return (
    principal.type === "root-account" &&
    principal.accountId === request.accountId &&
    request.resourcePolicy === undefined &&
    request.withinAccount === undefined
  );
}

const ROOT_ALLOWED: Decision = { allowed: true, by: "root" };
const NOT_ALLOWED = { allowed: false, gate: "identity", explicit: false } as const satisfies Decision;

/** Knows no policies: the root of an account may do everything to what its own account owns, and nobody else anything. */
export const rootOnly: Authorizer = {
  decide: ({ principal }, { accountId }) =>
    principal.type === "root-account" && principal.accountId === accountId ? ROOT_ALLOWED : NOT_ALLOWED,
  explain: () => ({ decision: NOT_ALLOWED, gates: [] }),
};
