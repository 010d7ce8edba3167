import { PolicySet } from "@cinnabar/policy";
import { defaultKeyPolicy, openKeyPolicy } from "../policy/key-policy.ts";

/** By the policies of keys, so that they go with these. An instance stays its owner's. */
const remembered = new WeakMap<PolicySet, PolicySet>();

/**
 * The policy of a key that another account made in an instance, as it counts for the owner of the instance: as if it allowed that
 * account everything, which leaves it to the account's own policies; what it denies stays denied (Alibaba Cloud KMS, "Share
 * KMS instances across multiple accounts").
 */
export function withHost(policy: PolicySet | undefined, hostAccountId: string): PolicySet {
  const known = policy && remembered.get(policy);
  if (known !== undefined) return known;
  const { statements } = openKeyPolicy(defaultKeyPolicy(hostAccountId));
  if (policy === undefined) return statements;
  const joined = new PolicySet([...policy.policies, ...statements.policies]);
  remembered.set(policy, joined);
  return joined;
}
