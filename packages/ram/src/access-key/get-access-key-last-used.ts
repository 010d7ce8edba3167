import { type DeclaredOperation, defineOperation, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userNameOrCaller } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { loadAccessKeyOf, ownerName } from "./access-key-owner.ts";
import { userAccessKeyId } from "./access-key-parameters.ts";

/** Tells when an AccessKey was used last, answered or refused: in store milliseconds since 1970, as far back as the audit log's index reaches. */
export type FindLastUse = (
  context: RequestContext,
  accessKey: { readonly accountId: string; readonly accessKeyId: string },
) => Promise<number | undefined>;

export function getAccessKeyLastUsed(findLastUse: FindLastUse): DeclaredOperation {
  return defineOperation({
    ...ram,
    name: "GetAccessKeyLastUsed",
    summary: "Tells when an AccessKey of a user was used last, by the audit log.",
    kind: "read",
    queue: "lookup",
    readWrite: "Read",
    parameters: { UserName: userNameOrCaller, UserAccessKeyId: userAccessKeyId },
    result: z.object({
      AccessKeyLastUsed: z.object({
        /** Left out if no use is on record. */
        LastUsedDate: z.string().optional(),
      }),
    }),
    recordedResult: [],
    errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.AccessKey"],
    target: (context, { UserName }) => ownerName(context, UserName),
    access: (context, name) => [onNamed(context, "ram:GetAccessKeyLastUsed", { type: "user", name })],
    async handle(context, { UserAccessKeyId }, name) {
      const user = await loadUserByName(context, name);
      const { id: accessKeyId, accountId } = await loadAccessKeyOf(context, user, UserAccessKeyId);
      const usedAt = await findLastUse(context, { accountId, accessKeyId });
      return { result: { AccessKeyLastUsed: usedAt === undefined ? {} : { LastUsedDate: formatInstant(usedAt) } } };
    },
  });
}
