import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { findGroups } from "./group-repository.ts";
import { listMemberships } from "./membership-repository.ts";

const membershipView = z.object({
  GroupId: z.string(),
  GroupName: z.string(),
  Comments: z.string().optional(),
  JoinDate: z.string(),
});

export const listGroupsForUser = defineOperation({
  ...ram,
  name: "ListGroupsForUser",
  summary: "Lists the groups that a user belongs to, in the order in which it joined them.",
  kind: "read",
  readWrite: "Read",
  parameters: { UserName: userName },
  result: z.object({ Groups: z.object({ Group: z.array(membershipView) }) }),
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User"],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:ListGroupsForUser", { type: "user", name })],
  async handle(context, _parameters, name) {
    const user = await loadUserByName(context, name);
    const groups = new Map((await findGroups(context, user.groupIds)).map((group) => [group.groupId, group]));
    const memberships = await listMemberships(context, user);
    return {
      result: {
        Groups: {
          Group: memberships.flatMap(({ groupId, joinedAt }) => {
            const group = groups.get(groupId);
            if (group === undefined) return [];
            const { groupName, comments } = group;
            return {
              GroupId: groupId,
              GroupName: groupName,
              ...(comments !== undefined && { Comments: comments }),
              JoinDate: formatInstant(joinedAt),
            };
          }),
        },
      },
    };
  },
});
