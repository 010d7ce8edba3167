import { ApiError, Lru, type RequestContext } from "@cinnabar/kernel";
import { loadSettings } from "../settings/load-settings.ts";
import type { LoginProfile } from "./login-profile-repository.ts";
import { verifyOnce } from "./password-work.ts";

/** What MaxLoginAttemps counts within (SDK, "SetPasswordPolicy"). */
const HOUR_MILLIS = 3_600_000;
const PASSWORDS_COUNTED = 10_000;
const TOO_OFTEN =
  "The old password was given wrong too often. Send the request again in an hour, or have an administrator set another one.";

/** When a password was tried in vain, in store milliseconds. Each process counts for itself, and only while it runs. */
const triedAt = new Lru<string, readonly number[]>(PASSWORDS_COUNTED);
/** Calls whose try is counted: each is evaluated more than once. */
const counted = new WeakSet<RequestContext["call"]>();

/**
 * Checks the password that a user shows to change it. Who has the user's AccessKey alone must not find it out this way, so
 * that the account's password policy bounds the tries within an hour.
 *
 * @param hash - the present password's.
 * @throws ApiError `InvalidParameter.OldPassword.Incorrect`; `Rejected.Throttling`, whatever the password, after too many
 * of these.
 */
export async function assertOldPassword(
  context: RequestContext,
  profile: LoginProfile,
  { password, hash }: { readonly password: string; readonly hash: string },
): Promise<void> {
  const { maxLoginAttempts } = (await loadSettings(context)).passwordPolicy;
  // Another password, which an administrator may set, is another thing to guess.
  const name = `${profile.userId}/${profile.passwordChangedAt}`;
  if (maxLoginAttempts > 0) countTry(context, name, maxLoginAttempts);
  if (!(await verifyOnce(context, { role: "old", password, hash }))) {
    throw new ApiError("InvalidParameter.OldPassword.Incorrect");
  }
  triedAt.delete(name);
}

/** Counts before the outcome is known: many tries at once are no more than the same one after the other. */
function countTry({ call, now }: RequestContext, name: string, limit: number): void {
  if (counted.has(call)) return;
  const tries = (triedAt.get(name) ?? []).filter((at) => at > now - HOUR_MILLIS);
  if (tries.length >= limit) throw new ApiError("Rejected.Throttling", TOO_OFTEN);
  triedAt.set(name, [...tries, now]);
  counted.add(call);
}
