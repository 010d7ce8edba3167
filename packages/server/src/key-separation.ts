import type { KeySeparation } from "@cinnabar/kms";
import type { Separation } from "@cinnabar/ram";

/** What an account's separation of duties says of changes of its keys' policies. */
export function ofKeys(separation: Separation): KeySeparation {
  return {
    check: (context, { accountId, ...change }) =>
      separation.check(context, { kind: "key-policy", ...change }, accountId),
  };
}
