import {
  type AccountId,
  ApiError,
  ERRORS,
  type KeyId,
  type KeyOrigin,
  type KeySpec,
  type KeyVersionId,
} from "@cinnabar/kernel";
import type { KeyUsage } from "./key-spec.ts";

/** How soon a key may be deleted, and how late, in days after it was asked for (Alibaba Cloud SDK, "ScheduleKeyDeletion"). */
export const PENDING_WINDOW_DAYS = { min: 7, max: 366 } as const;

/** Longest description of a key, in characters (Alibaba Cloud SDK, "CreateKey"). */
export const MAX_DESCRIPTION_CHARACTERS = 8192;

const DAY_MILLIS = 24 * 60 * 60 * 1000;
const SECOND_MILLIS = 1000;

/** What a key's state lets be done with it. Instants are store milliseconds. */
export type KeyStatus =
  | { readonly state: "Enabled" | "Disabled" }
  /** From `deleteAt` on the key does not exist, whether its rows still do or not. */
  | {
      readonly state: "PendingDeletion";
      readonly deleteAt: number;
      /** When that was asked for; `undefined` if it was before the store kept it. */
      readonly scheduledAt: number | undefined;
    };

export interface Key {
  readonly id: KeyId;
  readonly accountId: AccountId;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  readonly origin: KeyOrigin;
  readonly protectionLevel: "SOFTWARE";
  readonly status: KeyStatus;
  readonly description: string;
  /** Why the key must not be deleted, in words that may be empty; `undefined` if it may be. */
  readonly deletionProtection: { readonly description: string } | undefined;
  /** The account that made the key; of a service key the service, such as `OSS`. */
  readonly creator: string;
  readonly createdAt: number;
  /** The version that encrypts. */
  readonly primaryVersionId: KeyVersionId;
}

/** Whether a key's deletion is due: it must then look to everybody as if it had never been. */
export function isGone(status: KeyStatus, now: number): boolean {
  return status.state === "PendingDeletion" && now >= status.deleteAt;
}

/**
 * Refuses cryptography with a key that is not enabled.
 *
 * @throws {@link ApiError} `Rejected.Disabled` or `Rejected.PendingDeletion`.
 */
export function assertUsable({ state }: KeyStatus): void {
  if (state !== "Enabled") throw new ApiError(`Rejected.${state}`);
}

/** @throws {@link ApiError} `Rejected.StateModifiedFailed` if the key waits for its deletion: it takes no new alias. */
export function assertTakesAlias(status: KeyStatus): void {
  assertNotPendingDeletion(status);
}

/**
 * Refuses to change what is known about a key that waits for its deletion, or to give it an alias of another key.
 *
 * @throws {@link ApiError} `Rejected.PendingDeletion`.
 */
export function assertChangeable({ state }: KeyStatus): void {
  if (state === "PendingDeletion") throw new ApiError("Rejected.PendingDeletion");
}

/**
 * @throws {@link ApiError} `Rejected.StateModifiedFailed` if the key is protected from deletion. The code is not
 * published: it is that of the other keys whose deletion cannot be scheduled.
 */
export function assertUnprotected({ deletionProtection }: Pick<Key, "deletionProtection">): void {
  if (deletionProtection === undefined) return;
  const advice = "The key is protected from deletion: SetDeletionProtection ends that.";
  throw new ApiError("Rejected.StateModifiedFailed", `${ERRORS["Rejected.StateModifiedFailed"].message} ${advice}`);
}

// The changes of state, each from any state that allows it (Alibaba Cloud KMS, "Impact of CMK states on API calls").
// They throw ApiError `Rejected.StateModifiedFailed` from the others.

export function enabled(status: KeyStatus): KeyStatus {
  assertNotPendingDeletion(status);
  return { state: "Enabled" };
}

export function disabled(status: KeyStatus): KeyStatus {
  assertNotPendingDeletion(status);
  return { state: "Disabled" };
}

/** The key goes at a whole second, so that the DeleteDate which the API shows is the very moment. */
export function deletionScheduled(status: KeyStatus, { now, days }: { now: number; days: number }): KeyStatus {
  assertNotPendingDeletion(status);
  const deleteAt = Math.floor((now + days * DAY_MILLIS) / SECOND_MILLIS) * SECOND_MILLIS;
  return { state: "PendingDeletion", deleteAt, scheduledAt: now };
}

/** A key whose deletion is cancelled is enabled, also if it was disabled before. */
export function deletionCancelled(status: KeyStatus): KeyStatus {
  if (status.state !== "PendingDeletion") throw new ApiError("Rejected.StateModifiedFailed");
  return { state: "Enabled" };
}

function assertNotPendingDeletion({ state }: KeyStatus): void {
  if (state === "PendingDeletion") throw new ApiError("Rejected.StateModifiedFailed");
}
