import type { RequestContext } from "@cinnabar/kernel";
import type { ProbedKey } from "./key-rights.ts";

/** Finds keys of an account with the policies that they have of their own. */
export interface KeyPolicies {
  /**
   * Those of `keyIds`, and those whose policies name somebody who is looked for, in no order; perhaps others as well.
   *
   * @param wanted.among - of some names that policies know those who are looked for: `user/alice` in the account, and for
   *   whoever is of another one, and for that as a whole, the ARN, such as `acs:ram::1234567890123456:root`.
   */
  find(
    context: RequestContext,
    wanted: {
      readonly accountId: string;
      readonly keyIds: ReadonlySet<string>;
      readonly among: (names: ReadonlySet<string>) => Promise<ReadonlySet<string>>;
    },
  ): Promise<readonly ProbedKey[]>;
  /** A text that is another one once there is a key that was not there before. */
  state(context: RequestContext, accountId: string): Promise<string>;
}
