import type { CompiledPolicy, PolicySet } from "@cinnabar/policy";
import type { AttachedType, PolicyReference } from "../attachment/attachment-repository.ts";
import type { AssumableRole } from "./role-rights.ts";

/** A change of who may do what in an account. */
export type RightsChange =
  | {
      readonly kind: "attachment";
      readonly to: { readonly type: AttachedType; readonly id: string };
      readonly policy: PolicyReference;
      readonly isAttached: boolean;
    }
  /** A policy says something else. */
  | { readonly kind: "policy"; readonly policy: PolicyReference; readonly compiled: CompiledPolicy }
  | { readonly kind: "membership"; readonly userId: string; readonly groupId: string; readonly isMember: boolean }
  /** A role is made, or admits others. */
  | { readonly kind: "trust"; readonly role: AssumableRole }
  | { readonly kind: "user-name"; readonly userId: string; readonly userName: string }
  | KeyPolicyChange;

/** The name, such as `user/alice`, that somebody may have by the change alone. */
export function nameGivenBy(change: RightsChange): string | undefined {
  if (change.kind === "user-name") return `user/${change.userName}`;
  return change.kind === "trust" ? `role/${change.role.roleName}` : undefined;
}

/** A key's policy is another one; `undefined` is the default one. */
export interface KeyPolicyChange {
  readonly kind: "key-policy";
  readonly keyId: string;
  readonly arn: string;
  /** Left out for a key that is made. */
  readonly before?: { readonly policy: PolicySet | undefined };
  readonly policy: PolicySet | undefined;
}
