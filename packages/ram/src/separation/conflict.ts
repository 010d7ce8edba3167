import type { PolicyPrincipal } from "@cinnabar/policy";
import type { BothRights } from "./both-rights.ts";

/** Somebody who may both use a key and manage it. */
export interface Conflict extends BothRights {
  readonly principal: PolicyPrincipal;
  /** Left out for all keys that its policies are about, made or not. */
  readonly keyId?: string | undefined;
}

export interface Conflicts {
  readonly found: readonly Conflict[];
  /** Whether there are more. */
  readonly isTruncated: boolean;
}
