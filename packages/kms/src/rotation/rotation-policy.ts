import { ApiError, ERRORS, type KeyOrigin, type KeySpec } from "@cinnabar/kernel";
import { KEY_SPECS } from "../key/key-spec.ts";

/** How often a key is rotated, in days, when it is made and afterwards (Alibaba Cloud SDK, "CreateKey" and "UpdateRotationPolicy"). */
export const ROTATION_DAYS = { min: 7, maxOnCreation: 365, max: 730 } as const;

const SECOND_MILLIS = 1000;

/** That a key is rotated by itself, and when. */
export interface RotationPolicy {
  readonly intervalSeconds: number;
  /** Store milliseconds, a whole second: the moment is the very NextRotationDate that the API shows. */
  readonly nextAt: number;
}

/** What says whether and how a key is rotated. */
interface Rotated {
  readonly spec: KeySpec;
  readonly origin: KeyOrigin;
  readonly status: { readonly state: string };
  readonly rotation: RotationPolicy | undefined;
}

/** The policy of a key whose primary version was made at `lastAt`, in store milliseconds. */
export function rotationEvery(intervalSeconds: number, lastAt: number): RotationPolicy {
  const nextAt = (Math.floor(lastAt / SECOND_MILLIS) + intervalSeconds) * SECOND_MILLIS;
  return { intervalSeconds, nextAt };
}

/** The same policy after a rotation at `lastAt`, in store milliseconds. */
export function rotatedAt(policy: RotationPolicy | undefined, lastAt: number): RotationPolicy | undefined {
  return policy && rotationEvery(policy.intervalSeconds, lastAt);
}

/** What the API calls AutomaticRotation: a key that is not enabled waits, and is rotated once it is again. */
export function automaticRotation({ rotation, status }: Rotated): "Disabled" | "Enabled" | "Suspended" {
  if (rotation === undefined) return "Disabled";
  return status.state === "Enabled" ? "Enabled" : "Suspended";
}

/** Whether the key's rotation is due by the store's time. */
export function isRotationDue(key: Rotated, now: number): boolean {
  return key.rotation !== undefined && key.status.state === "Enabled" && key.rotation.nextAt <= now;
}

/** Whether keys of the kind can be rotated at all: symmetric ones whose material is made here. */
export function isRotatable({ spec, origin }: Pick<Rotated, "spec" | "origin">): boolean {
  return KEY_SPECS[spec].family === "symmetric" && origin === "Aliyun_KMS";
}

/** @throws {@link ApiError} `Rejected.UnsupportedOperation` if keys of the kind cannot be rotated. */
export function assertRotatable(key: Pick<Rotated, "spec" | "origin">): void {
  if (isRotatable(key)) return;
  const advice = "Only symmetric keys whose material is made here are rotated.";
  throw new ApiError("Rejected.UnsupportedOperation", `${ERRORS["Rejected.UnsupportedOperation"].message} ${advice}`);
}
