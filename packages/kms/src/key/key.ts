import {
  type AccountId,
  ApiError,
  ERRORS,
  type InstanceId,
  type KeyId,
  type KeyOrigin,
  type KeySpec,
  type KeyVersionId,
} from "@cinnabar/kernel";
import type { RotationPolicy } from "../rotation/rotation-policy.ts";
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
  /** Of a key whose material is imported: its primary version has none. */
  | { readonly state: "PendingImport"; readonly becomes: "Enabled" | "Disabled" }
  /** From `deleteAt` on the key does not exist, whether its rows still do or not. */
  | {
      readonly state: "PendingDeletion";
      readonly deleteAt: number;
      /** When that was asked for; `undefined` if it was before the store kept it. */
      readonly scheduledAt: number | undefined;
    };

/** What a key is made with whose material is to be imported. */
export const PENDING_IMPORT: KeyStatus = { state: "PendingImport", becomes: "Enabled" };

export interface Key {
  readonly id: KeyId;
  readonly accountId: AccountId;
  /** The instance that it is in; `undefined` for the built-in one of its account. */
  readonly instanceId: InstanceId | undefined;
  /** Whether it is its account's one default key. */
  readonly isDefault: boolean;
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
  /** The version that encrypts; of a pair or a key of message authentication codes its first one, which callers are not told. */
  readonly primaryVersionId: KeyVersionId;
  /** `undefined` if the key is not rotated by itself. */
  readonly rotation: RotationPolicy | undefined;
}

/** Whether a key's deletion is due: it must then look to everybody as if it had never been. */
export function isGone(status: KeyStatus, now: number): boolean {
  return status.state === "PendingDeletion" && now >= status.deleteAt;
}

/**
 * Refuses cryptography with a key that is not enabled.
 *
 * @throws {@link ApiError} `Rejected.Disabled`, `Rejected.PendingDeletion` or `Rejected.PendingImport`.
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
  assertNotPendingImport(status);
  return { state: "Enabled" };
}

export function disabled(status: KeyStatus): KeyStatus {
  assertNotPendingDeletion(status);
  assertNotPendingImport(status);
  return { state: "Disabled" };
}

/** The key goes at a whole second, so that the DeleteDate which the API shows is the very moment. */
export function deletionScheduled(status: KeyStatus, { now, days }: { now: number; days: number }): KeyStatus {
  assertNotPendingDeletion(status);
  const deleteAt = Math.floor((now + days * DAY_MILLIS) / SECOND_MILLIS) * SECOND_MILLIS;
  return { state: "PendingDeletion", deleteAt, scheduledAt: now };
}

/** A key whose deletion is cancelled is enabled, also if it was disabled before; without material it waits for that. */
export function deletionCancelled(
  status: KeyStatus,
  { primaryVersion }: { readonly primaryVersion: { readonly hasMaterial: boolean } },
): KeyStatus {
  if (status.state !== "PendingDeletion") throw new ApiError("Rejected.StateModifiedFailed");
  return primaryVersion.hasMaterial ? { state: "Enabled" } : PENDING_IMPORT;
}

/** The primary version has material now. A key that waited for it is enabled, unless it was disabled when it lost it. */
export function materialImported(status: KeyStatus): KeyStatus {
  assertNotPendingDeletion(status);
  return status.state === "PendingImport" ? { state: status.becomes } : status;
}

/**
 * The primary version has no material any more: from any state but one in which the key goes anyway. That a key was disabled is
 * kept: what was published says nothing of it, and whoever may import need not be somebody who may enable.
 */
export function materialGone(status: KeyStatus): KeyStatus {
  if (status.state === "PendingDeletion" || status.state === "PendingImport") return status;
  return { state: "PendingImport", becomes: status.state };
}

function assertNotPendingImport({ state }: KeyStatus): void {
  if (state === "PendingImport") throw new ApiError("Rejected.StateModifiedFailed");
}

function assertNotPendingDeletion({ state }: KeyStatus): void {
  if (state === "PendingDeletion") throw new ApiError("Rejected.StateModifiedFailed");
}
