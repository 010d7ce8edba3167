import { ERRORS, type ErrorCode, type RequestContext, type Warned } from "@cinnabar/kernel";
import type { PolicySet } from "@cinnabar/policy";

/** That a key's policy becomes another one; `undefined` is the default one. */
export interface KeyPolicyChange {
  readonly keyId: string;
  readonly arn: string;
  readonly accountId: string;
  /** Left out for a key that is made. */
  readonly before?: { readonly policy: PolicySet | undefined };
  readonly policy: PolicySet | undefined;
}

/**
 * What the account of a key says to whoever could both use the key and manage it after a change of its policy: what the
 * answer has to warn of, or that there is to be no change.
 */
export interface KeySeparation {
  /** @throws ApiError `Rejected.SeparationOfDuties` */
  check(context: RequestContext, change: KeyPolicyChange): Promise<Warned>;
}

const CODE = "Rejected.SeparationOfDuties" satisfies keyof typeof ERRORS;

/** What operations answer that are refused where an account enforces a separation of duties. */
export const SEPARATION_ERRORS: readonly ErrorCode[] = [CODE];
