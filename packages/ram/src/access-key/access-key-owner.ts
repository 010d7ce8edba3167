import { ApiError, missingParameter, type RequestContext } from "@cinnabar/kernel";
import type { User } from "../user/user-repository.ts";
import { type AccessKeyEntry, listUserAccessKeys } from "./access-key-repository.ts";

/**
 * The name of the user that a call on AccessKeys is about: the one that was given, or else the caller.
 *
 * @throws ApiError `MissingParameter` if no user is named and none calls: the AccessKeys of roots are their operator's.
 */
export function ownerName({ principal }: RequestContext, userName: string | undefined): string {
  if (userName !== undefined) return userName;
  if (principal.type !== "ram-user") throw missingParameter("UserName");
  return principal.userName;
}

/**
 * An AccessKey of a user, which the event then names.
 *
 * @throws ApiError `EntityNotExist.User.AccessKey`
 */
export async function loadAccessKeyOf(
  context: RequestContext,
  { userId }: User,
  accessKeyId: string,
): Promise<AccessKeyEntry> {
  const accessKey = (await listUserAccessKeys(context, userId)).find(({ id }) => id === accessKeyId);
  if (accessKey === undefined) throw new ApiError("EntityNotExist.User.AccessKey");
  context.note({ accessKeyId, accessKeyRevision: accessKey.stored.revision });
  return accessKey;
}
