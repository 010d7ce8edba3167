import { ApiError, type DeclaredOperation, defineOperation, type DeploymentKeys } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userNameOrCaller } from "../user/user-parameters.ts";
import { loadUserByName, touchedUser } from "../user/user-repository.ts";
import { loadAccountKeys } from "../wrap-under-account.ts";
import { ownerName } from "./access-key-owner.ts";
import { listUserAccessKeys } from "./access-key-repository.ts";
import { insertAccessKey, newAccessKey } from "./new-access-key.ts";

/** AccessKeys of one user, of either status: enough to replace one while it is in use (RAM, "Limits"). */
const MAX_USER_ACCESS_KEYS = 2;

export function createAccessKey(keys: DeploymentKeys): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "CreateAccessKey",
    summary: "Makes an AccessKey of a user. Its secret is in this answer and nowhere else.",
    kind: "control",
    readWrite: "Write",
    parameters: { UserName: userNameOrCaller },
    result: z.object({
      AccessKey: z.object({
        AccessKeyId: z.string(),
        AccessKeySecret: z.string(),
        Status: z.string(),
        CreateDate: z.string(),
      }),
    }),
    recordedResult: [],
    errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "LimitExceeded.User.AccessKey"],
    target: (context, { UserName }) => ownerName(context, UserName),
    access: (context, name) => [onNamed(context, "ram:CreateAccessKey", { type: "user", name })],
    async handle(context, _parameters, name) {
      const user = await loadUserByName(context, name);
      const { accountId, userId } = user;
      if ((await listUserAccessKeys(context, userId)).length >= MAX_USER_ACCESS_KEYS) {
        throw new ApiError("LimitExceeded.User.AccessKey");
      }
      const accountKeys = await loadAccountKeys(context, accountId);
      const accessKey = newAccessKey(keys, accountId, userId);
      try {
        context.note({ accessKeyId: accessKey.accessKeyId, accessKeyRevision: 1 });
        return {
          result: {
            AccessKey: {
              AccessKeyId: accessKey.accessKeyId,
              AccessKeySecret: accessKey.secret.toString("latin1"),
              Status: "Active",
              CreateDate: formatInstant(context.now),
            },
          },
          changes: [insertAccessKey(context, accessKey, accountKeys.current)],
          // Nobody can have cached an AccessKey that was not there.
          touched: [touchedUser(userId)],
        };
      } finally {
        accessKey.secret.fill(0);
      }
    },
  });
}
