import {
  type AccessRequest,
  type AuthorizationContext,
  type Authorizer,
  conditionsOf,
  toPolicyPrincipal,
} from "@cinnabar/kernel";
import {
  type CompiledPolicy,
  compilePolicy,
  decide,
  type Decision,
  type DecisionInput,
  explain,
  type Explanation,
  parsePolicy,
  PolicySet,
} from "@cinnabar/policy";

/** Decides by policies that a test gives to users and roles itself, whoever they are. */
export class PolicyAuthorizer implements Authorizer {
  /** By {@link nameOf}. */
  readonly #identities = new Map<string, CompiledPolicy[]>();

  /** Gives a user or role a policy. @param statements - as they stand in a policy's document. */
  grant(to: Identity, ...statements: readonly object[]): this {
    const document = JSON.stringify({ Version: "1", Statement: statements });
    const policies = this.#identities.get(nameOf(to)) ?? [];
    const source = { type: "Custom", name: `test-${policies.length + 1}` } as const;
    this.#identities.set(nameOf(to), [...policies, compilePolicy(parsePolicy(document, "identity"), source)]);
    return this;
  }

  /** Takes all policies from a user or role. */
  revoke(from: Identity): this {
    this.#identities.delete(nameOf(from));
    return this;
  }

  decide(context: AuthorizationContext, request: AccessRequest): Decision {
    return decide(this.#input(context, request));
  }

  explain(context: AuthorizationContext, request: AccessRequest): Explanation {
    return explain(this.#input(context, request));
  }

  #input(context: AuthorizationContext, request: AccessRequest): DecisionInput {
    const principal = toPolicyPrincipal(context.principal);
    return {
      request: {
        action: request.action,
        resource: request.resource,
        principal,
        conditions: conditionsOf(context, request),
      },
      resourceAccountId: request.accountId,
      session: context.principal.type === "assumed-role" ? context.principal.sessionPolicy : undefined,
      identity: new PolicySet(this.#identities.get(nameOf(principal)) ?? []),
      resourcePolicy: request.resourcePolicy,
      withinAccount: request.withinAccount,
    };
  }
}

/** A user or role of an account. */
interface Identity {
  readonly accountId: string;
  readonly kind: string;
  readonly name: string;
}

function nameOf({ accountId, kind, name }: Identity): string {
  return `${accountId}/${kind}/${name}`;
}
