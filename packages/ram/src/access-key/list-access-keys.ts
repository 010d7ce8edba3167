import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userNameOrCaller } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { ownerName } from "./access-key-owner.ts";
import { listUserAccessKeys } from "./access-key-repository.ts";

const accessKeyView = z.object({ AccessKeyId: z.string(), Status: z.string(), CreateDate: z.string() });

export const listAccessKeys = defineOperation({
  ...ram,
  name: "ListAccessKeys",
  summary: "Lists the AccessKeys of a user, the oldest first, without their secrets.",
  kind: "read",
  readWrite: "Read",
  parameters: { UserName: userNameOrCaller },
  result: z.object({ AccessKeys: z.object({ AccessKey: z.array(accessKeyView) }) }),
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User"],
  target: (context, { UserName }) => ownerName(context, UserName),
  access: (context, name) => [onNamed(context, "ram:ListAccessKeys", { type: "user", name })],
  async handle(context, _parameters, name) {
    const { userId } = await loadUserByName(context, name);
    const accessKeys = await listUserAccessKeys(context, userId);
    return {
      result: {
        AccessKeys: {
          AccessKey: accessKeys.map(({ id, stored, createdAt }) => ({
            AccessKeyId: id,
            Status: stored.row.status,
            CreateDate: formatInstant(createdAt),
          })),
        },
      },
    };
  },
});
