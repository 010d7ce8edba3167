/** How sure it is that somebody may: `Perhaps` where conditions decide. */
export type Certainty = "Always" | "Perhaps";

/** What somebody may do. */
export interface AllowedAction {
  readonly name: string;
  readonly certainty: Certainty;
  /** Policies with a statement that allows it, each as `type/name/version`. */
  readonly policies: readonly string[];
  /** ARNs of members of another account who may not. */
  readonly except: readonly { readonly arn: string; readonly certainty: Certainty }[];
}

/** Somebody as questions about rights tell it. */
export interface Principal {
  /** RootUser, SubUser, Role, Application, Account, Service or Federated. */
  readonly type: string;
  readonly arn: string;
  readonly name: string;
  /** Missing for who belongs to none. */
  readonly accountId?: string;
  /** Whether it is another account's, whose own policies must allow it too. */
  readonly needsOwnPolicies: boolean;
}

/** Somebody who may do something. */
export interface Accessor extends Principal {
  readonly groups: readonly string[];
  readonly actions: readonly AllowedAction[];
}

/** Who may do what to a resource, and who may become them. */
export interface Access {
  /** Its ARN. */
  readonly resource: string;
  readonly principals: readonly Accessor[];
  /** By a role's ARN, who may assume it; of every role here that is the account's own. */
  readonly assumers: Readonly<Record<string, readonly Accessor[]>>;
}
