import { type DeclaredOperation, defineOperation, type DeploymentKeys, oneOf, required } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userNameOrCaller } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { loadAccessKeyOf, ownerName } from "./access-key-owner.ts";
import { userAccessKeyId } from "./access-key-parameters.ts";
import { ACCESS_KEY_STATUSES, changeAccessKeyStatus, touchedAccessKey } from "./access-key-repository.ts";

export function updateAccessKey(keys: DeploymentKeys): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "UpdateAccessKey",
    summary: "Disables an AccessKey of a user, or lets it be used again, on every node at once.",
    kind: "control",
    readWrite: "Write",
    parameters: {
      UserName: userNameOrCaller,
      UserAccessKeyId: userAccessKeyId,
      Status: required({
        schema: oneOf(ACCESS_KEY_STATUSES),
        description: "Active, or Inactive: then every call with it is refused.",
      }),
    },
    result: z.object({}),
    recordedResult: [],
    errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.AccessKey"],
    target: (context, { UserName }) => ownerName(context, UserName),
    access: (context, name) => [onNamed(context, "ram:UpdateAccessKey", { type: "user", name })],
    async handle(context, { UserAccessKeyId, Status: status }, name) {
      const user = await loadUserByName(context, name);
      const accessKey = await loadAccessKeyOf(context, user, UserAccessKeyId);
      if (accessKey.stored.row.status === status) return { result: {} };
      return {
        result: {},
        changes: [changeAccessKeyStatus(context, accessKey, status)],
        touched: [touchedAccessKey(keys, accessKey.id)],
      };
    },
  });
}
