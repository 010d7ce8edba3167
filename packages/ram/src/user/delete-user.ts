import { ApiError, defineOperation, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { listUserAccessKeys } from "../access-key/access-key-repository.ts";
import { ram } from "../api.ts";
import { hasAttachments } from "../attachment/attachment-repository.ts";
import { loginProfileKind } from "../login-profile/login-profile-repository.ts";
import { findDeviceOf } from "../mfa/mfa-device-repository.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "./user-parameters.ts";
import { deleteUserRow, loadUserByName, touchedUser, type User } from "./user-repository.ts";

export const deleteUser = defineOperation({
  ...ram,
  name: "DeleteUser",
  summary: "Deletes a user that has nothing left and belongs to no group.",
  kind: "control",
  readWrite: "Write",
  parameters: { UserName: userName },
  result: z.object({}),
  recordedResult: [],
  errors: [
    ...USER_NAME_ERRORS,
    "EntityNotExist.User",
    "DeleteConflict.User.Group",
    "DeleteConflict.User.AccessKey",
    "DeleteConflict.User.LoginProfile",
    "DeleteConflict.User.MFADevice",
    "DeleteConflict.User.Policy",
  ],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:DeleteUser", { type: "user", name })],
  async handle(context, _parameters, name) {
    const user = await loadUserByName(context, name);
    await assertNothingLeft(context, user);
    return {
      result: {},
      changes: [deleteUserRow(context, user)],
      touched: [touchedUser(user.userId)],
    };
  },
});

/** @throws ApiError `DeleteConflict.User.…`, which names what the user still has. */
async function assertNothingLeft(context: RequestContext, { userId, groupIds }: User): Promise<void> {
  if (groupIds.length > 0) throw new ApiError("DeleteConflict.User.Group");
  if (await hasAttachments(context, "user", userId)) throw new ApiError("DeleteConflict.User.Policy");
  if ((await listUserAccessKeys(context, userId)).length > 0) throw new ApiError("DeleteConflict.User.AccessKey");
  if ((await context.find(loginProfileKind, userId)) !== undefined) {
    throw new ApiError("DeleteConflict.User.LoginProfile");
  }
  if ((await findDeviceOf(context, userId)) !== undefined) throw new ApiError("DeleteConflict.User.MFADevice");
}
