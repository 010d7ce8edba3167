import { type DeclaredOperation, defineOperation, type DeploymentKeys } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userNameOrCaller } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { loadAccessKeyOf, ownerName } from "./access-key-owner.ts";
import { userAccessKeyId } from "./access-key-parameters.ts";
import { deleteAccessKeyRow, touchedAccessKey } from "./access-key-repository.ts";

export function deleteAccessKey(keys: DeploymentKeys): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "DeleteAccessKey",
    summary: "Deletes an AccessKey of a user for good, whatever its status: every node refuses it at once.",
    kind: "control",
    readWrite: "Write",
    parameters: { UserName: userNameOrCaller, UserAccessKeyId: userAccessKeyId },
    result: z.object({}),
    recordedResult: [],
    errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.AccessKey"],
    target: (context, { UserName }) => ownerName(context, UserName),
    access: (context, name) => [onNamed(context, "ram:DeleteAccessKey", { type: "user", name })],
    async handle(context, { UserAccessKeyId }, name) {
      const user = await loadUserByName(context, name);
      const accessKey = await loadAccessKeyOf(context, user, UserAccessKeyId);
      return {
        result: {},
        changes: [deleteAccessKeyRow(context, accessKey)],
        touched: [touchedAccessKey(keys, accessKey.id)],
      };
    },
  });
}
