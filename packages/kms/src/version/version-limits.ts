import { ApiError, ERRORS } from "@cinnabar/kernel";

/** Most versions of a key after which CreateKeyVersion makes one more (Alibaba Cloud SDK, "CreateKeyVersion"). */
export const MAX_REQUESTED_VERSIONS = 50;

/**
 * Most versions of a key at all, so that the certificate of its destruction, which names them all, fits into an event. A
 * rotation every seven days takes nearly four years to come here.
 */
export const MAX_VERSIONS = 200;

/** @throws {@link ApiError} `Rejected.LimitExceeded` if a key with so many versions gets no further one. */
export function assertRoomForVersion(versions: number, most: number): void {
  if (versions < most) return;
  const { message } = ERRORS["Rejected.LimitExceeded"];
  const advice = `The key has ${versions} versions: make a new key, and point the aliases of this one to it.`;
  throw new ApiError("Rejected.LimitExceeded", `${message} ${advice}`);
}
