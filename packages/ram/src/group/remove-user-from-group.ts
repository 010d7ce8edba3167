import { ApiError, type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName, touchedUser } from "../user/user-repository.ts";
import { GROUP_NAME_ERRORS, groupName } from "./group-parameters.ts";
import { loadGroupByName } from "./group-repository.ts";
import { deleteMembership, listMemberships } from "./membership-repository.ts";
import { onMember } from "./on-member.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const removeUserFromGroup = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "RemoveUserFromGroup",
    summary: "Takes from a user what it may do by belonging to a group.",
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: { UserName: userName, GroupName: groupName },
    result: z.object(warningsResult),
    recordedResult: [],
    errors: [
      ...USER_NAME_ERRORS,
      ...GROUP_NAME_ERRORS,
      "EntityNotExist.User",
      "EntityNotExist.Group",
      "EntityNotExist.User.Group",
      ...SEPARATION_ERRORS,
    ],
    target: (_context, { UserName, GroupName }) => ({ userName: UserName, groupName: GroupName }),
    access: (context, target) => onMember(context, "ram:RemoveUserFromGroup", target),
    async handle(context, _parameters, target) {
      const { groupId } = await loadGroupByName(context, target.groupName);
      const { userId } = await loadUserByName(context, target.userName);
      const membership = (await listMemberships(context, { userId })).find((of) => of.groupId === groupId);
      if (membership === undefined) throw new ApiError("EntityNotExist.User.Group");
      const change = { kind: "membership", userId, groupId, isMember: false } as const;
      return separation.settle(context, change, {
        result: {},
        changes: [deleteMembership(context, membership)],
        touched: [touchedUser(userId)],
      });
    },
  });
