import { ApiError, type DeclaredOperation, defineOperation, warningsResult } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName, touchedUser } from "../user/user-repository.ts";
import { GROUP_NAME_ERRORS, groupName } from "./group-parameters.ts";
import { loadGroupByName } from "./group-repository.ts";
import { insertMembership } from "./membership-repository.ts";
import { onMember } from "./on-member.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

/** Groups that one user may belong to (RAM, "Limits"). */
const MAX_GROUPS_OF_USER = 5;

export const addUserToGroup = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "AddUserToGroup",
    summary: "Gives a user everything that a group may do.",
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
      "EntityAlreadyExists.User.Group",
      "LimitExceeded.User.Group",
      ...SEPARATION_ERRORS,
    ],
    target: (_context, { UserName, GroupName }) => ({ userName: UserName, groupName: GroupName }),
    access: (context, target) => onMember(context, "ram:AddUserToGroup", target),
    async handle(context, _parameters, target) {
      const { groupId } = await loadGroupByName(context, target.groupName);
      const { userId, groupIds } = await loadUserByName(context, target.userName);
      if (groupIds.includes(groupId)) throw new ApiError("EntityAlreadyExists.User.Group");
      if (groupIds.length >= MAX_GROUPS_OF_USER) throw new ApiError("LimitExceeded.User.Group");
      const change = { kind: "membership", userId, groupId, isMember: true } as const;
      return separation.settle(context, change, {
        result: {},
        changes: [insertMembership(context, { groupId, userId })],
        touched: [touchedUser(userId)],
      });
    },
  });
