import { type RequestContext, WorkNeededError } from "@cinnabar/kernel";
import { hashPassword, verifyPassword } from "./password-hash.ts";

type CallKey = RequestContext["call"];

/**
 * Outcomes by calls: a call is evaluated before the epoch's lock and again under it, and what takes long is done by then: it
 * never begins there. They go with their calls.
 */
const hashes = new WeakMap<CallKey, Promise<string>>();
const verdicts = new WeakMap<CallKey, Map<string, Promise<boolean>>>();

/** The hash of the new password of a call, made once. */
export function hashOnce({ call, allowsWork }: RequestContext, password: string): Promise<string> {
  let hash = hashes.get(call);
  if (hash === undefined) {
    if (!allowsWork) throw new WorkNeededError();
    hash = hashPassword(password);
    hashes.set(call, hash);
  }
  return hash;
}

/** Whether a password of a call is the one that was hashed, found out once. */
export function verifyOnce(
  { call, allowsWork }: RequestContext,
  claim: { readonly role: "old" | "new"; readonly password: string; readonly hash: string },
): Promise<boolean> {
  let ofCall = verdicts.get(call);
  if (ofCall === undefined) {
    ofCall = new Map();
    verdicts.set(call, ofCall);
  }
  const key = `${claim.role} ${claim.hash}`;
  let verdict = ofCall.get(key);
  if (verdict === undefined) {
    if (!allowsWork) throw new WorkNeededError();
    verdict = verifyPassword(claim.password, claim.hash);
    ofCall.set(key, verdict);
  }
  return verdict;
}
