import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { pagingParameters, pagingResult, toPage, toPaged, toPagingResult } from "../paging.ts";
import { onNamed } from "../resource-name.ts";
import { findUsers } from "../user/user-repository.ts";
import { GROUP_NAME_ERRORS, groupName } from "./group-parameters.ts";
import { loadGroupByName } from "./group-repository.ts";
import { listMemberships } from "./membership-repository.ts";

const memberView = z.object({ UserName: z.string(), DisplayName: z.string().optional(), JoinDate: z.string() });

export const listUsersForGroup = defineOperation({
  ...ram,
  name: "ListUsersForGroup",
  summary: "Lists the users that belong to a group, in the order of their names.",
  kind: "read",
  readWrite: "Read",
  parameters: { GroupName: groupName, ...pagingParameters({ maxItems: 1_000 }) },
  result: z.object({ Users: z.object({ User: z.array(memberView) }), ...pagingResult }),
  recordedResult: ["IsTruncated"],
  errors: [...GROUP_NAME_ERRORS, "EntityNotExist.Group"],
  target: (_context, { GroupName }) => GroupName,
  access: (context, name) => [onNamed(context, "ram:ListUsersForGroup", { type: "group", name })],
  async handle(context, parameters, name) {
    const { groupId } = await loadGroupByName(context, name);
    const page = toPage(parameters);
    const { after = "" } = page;
    // An account has so few users that a group's members are read whole.
    const memberships = await listMemberships(context, { groupId });
    const joinedAt = new Map(memberships.map((membership) => [membership.userId, membership.joinedAt]));
    const members = (await findUsers(context, [...joinedAt.keys()]))
      .filter(({ userName }) => userName > after)
      .toSorted((a, b) => (a.userName < b.userName ? -1 : 1));
    const { items, next } = toPaged(page, members, ({ userName }) => userName);
    return {
      result: {
        Users: {
          User: items.map(({ userId, userName, displayName }) => ({
            UserName: userName,
            ...(displayName !== undefined && { DisplayName: displayName }),
            JoinDate: formatInstant(joinedAt.get(userId) ?? 0),
          })),
        },
        ...toPagingResult({ next }),
      },
    };
  },
});
