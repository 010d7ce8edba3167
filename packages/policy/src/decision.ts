import type { PolicySet } from "./policy-set.ts";
import type { PolicyRequest } from "./request.ts";
import type { StatementReference, ValidityWindow } from "./verdict.ts";

/** The policies that are asked: of the session, of the identity (of it, its groups, its role), and of the resource. */
export type Gate = "session" | "identity" | "resource";

export interface DecisionInput {
  readonly request: PolicyRequest;
  /** The account that owns the resource. */
  readonly resourceAccountId: string;
  /** The policy that a session was narrowed with. */
  readonly session?: PolicySet | undefined;
  /** Not consulted for roots, services and federated principals, which have no policies. */
  readonly identity: PolicySet;
  /** The policy of the resource, or the trust policy of the role that is to be assumed. */
  readonly resourcePolicy?: PolicySet | undefined;
  /**
   * `either` (the default): in the resource's own account, its policy or that of the identity suffices. `both`: both must
   * allow there too, and a whole account as principal admits all of its members, as it is when a role is assumed.
   */
  readonly withinAccount?: "either" | "both" | undefined;
}

/** Whether a request may be carried out; if not, who refused first, and whether by a statement that denies it. */
export type Decision =
  | { readonly allowed: true; readonly by: "root" | StatementReference; readonly window?: ValidityWindow }
  | {
      readonly allowed: false;
      readonly gate: Gate;
      readonly explicit: boolean;
      readonly statement?: StatementReference;
      readonly window?: ValidityWindow;
    };
