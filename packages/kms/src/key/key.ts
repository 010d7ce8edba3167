import {
  type AccountId,
  ApiError,
  type KeyId,
  type KeyOrigin,
  type KeySpec,
  type KeyVersionId,
} from "@cinnabar/kernel";
import type { KeyUsage } from "./key-spec.ts";

/** How soon a key may be deleted, and how late, in days after it was asked for (Alibaba Cloud SDK, "ScheduleKeyDeletion"). */
export const PENDING_WINDOW_DAYS = { min: 7, max: 366 } as const;

const DAY_MILLIS = 24 * 60 * 60 * 1000;
const SECOND_MILLIS = 1000;

/** What a key's state lets be done with it. Instants are store milliseconds. */
export type KeyStatus =
  | { readonly state: "Enabled" | "Disabled" }
  /** From `deleteAt` on the key does not exist, whether its rows still do or not. */
  | { readonly state: "PendingDeletion"; readonly deleteAt: number };

export interface Key {
  readonly id: KeyId;
  readonly accountId: AccountId;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  readonly origin: KeyOrigin;
  readonly protectionLevel: "SOFTWARE";
  readonly status: KeyStatus;
  readonly description: string;
  /** The account that made the key. */
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
  return { state: "PendingDeletion", deleteAt };
}

/** A key whose deletion is cancelled is enabled, also if it was disabled before. */
export function deletionCancelled(status: KeyStatus): KeyStatus {
  if (status.state !== "PendingDeletion") throw new ApiError("Rejected.StateModifiedFailed");
  return { state: "Enabled" };
}

function assertNotPendingDeletion({ state }: KeyStatus): void {
  if (state === "PendingDeletion") throw new ApiError("Rejected.StateModifiedFailed");
}
