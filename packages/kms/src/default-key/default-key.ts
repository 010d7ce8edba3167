import { type AccountId, ApiError, ERRORS, invalidParameter, type RequestContext } from "@cinnabar/kernel";
import { listDefaultKeys } from "../key/key-repository.ts";

/** How often a default key is rotated, if it is, in days (Alibaba Cloud SDK, "CreateKey"). */
export const DEFAULT_KEY_ROTATION_DAYS = 365;

const DAY_SECONDS = 24 * 60 * 60;
export const DEFAULT_KEY_ROTATION_SECONDS = DEFAULT_KEY_ROTATION_DAYS * DAY_SECONDS;

/** Tells default keys from others. */
interface MaybeDefault {
  readonly isDefault: boolean;
}

/**
 * Refuses a second default key of an account. Under the lock of a control transaction nobody else can make one meanwhile.
 *
 * @throws {@link ApiError} `UnsupportedOperation`, as Terraform's users have seen the cloud answer.
 */
export async function assertNoDefaultKey(context: RequestContext, accountId: AccountId): Promise<void> {
  for (const { status } of await listDefaultKeys(context, accountId)) {
    if (status.state === "PendingDeletion") {
      if (context.now >= status.deleteAt) {
        context.holdsFrom(status.deleteAt);
        continue;
      }
      context.holdsUntil(status.deleteAt);
    }
    throw notSupported("The account has its one default key; further keys are made in an instance.");
  }
}

/** @throws {@link ApiError} `UnsupportedOperation` if it is a default key: that has no tags. */
export function assertTakesTags({ isDefault }: MaybeDefault): void {
  if (isDefault) throw notSupported("A default key has no tags.");
}

/** @throws {@link ApiError} `Forbidden.KeyPolicyUnSupported` if it is a default key: that is its account's alone. */
export function assertTakesPolicy({ isDefault }: MaybeDefault): void {
  if (isDefault) throw new ApiError("Forbidden.KeyPolicyUnSupported");
}

/** @throws {@link ApiError} `InvalidParameter` if it is a default key, and that is not how often such a key is rotated. */
export function assertRotatedEvery({ isDefault }: MaybeDefault, intervalSeconds: number | undefined): void {
  if (!isDefault || intervalSeconds === undefined || intervalSeconds === DEFAULT_KEY_ROTATION_SECONDS) return;
  throw invalidParameter("RotationInterval", `A default key is rotated every ${DEFAULT_KEY_ROTATION_DAYS}d.`);
}

/** What a default key cannot be or have. */
export function notSupported(reason: string): ApiError {
  return new ApiError("UnsupportedOperation", `${ERRORS.UnsupportedOperation.message} ${reason}`);
}
