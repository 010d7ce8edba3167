import { ApiError, defineOperation, newGroupId } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { detail } from "../user/user-parameters.ts";
import { GROUP_NAME_ERRORS, groupName } from "./group-parameters.ts";
import { countGroups, findGroupByName, insertGroup, touchedGroup } from "./group-repository.ts";
import { newGroupView, toNewGroupView } from "./group-view.ts";

/** Groups of one account (RAM, "Limits"). */
const MAX_GROUPS = 50;

export const createGroup = defineOperation({
  ...ram,
  name: "CreateGroup",
  summary: "Makes a group, to which nobody belongs yet.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    GroupName: groupName,
    Comments: detail(
      { length: "InvalidParameter.Comments.Length", invalidChars: "InvalidParameter" },
      "What the group is for.",
    ),
  },
  result: z.object({ Group: newGroupView }),
  recordedResult: [],
  errors: [
    ...GROUP_NAME_ERRORS,
    "InvalidParameter.Comments.Length",
    "EntityAlreadyExists.Group",
    "LimitExceeded.Group",
  ],
  target: (_context, { GroupName }) => GroupName,
  access: (context, name) => [onNamed(context, "ram:CreateGroup", { type: "group", name })],
  async handle(context, { Comments: comments }, name) {
    const { accountId } = context.principal;
    if ((await findGroupByName(context, { accountId, groupName: name })) !== undefined) {
      throw new ApiError("EntityAlreadyExists.Group");
    }
    if ((await countGroups(context, accountId)) >= MAX_GROUPS) throw new ApiError("LimitExceeded.Group");
    const group = { groupId: newGroupId(), accountId, groupName: name, comments };
    context.about("ACS::RAM::Group", name);
    context.note({ groupId: group.groupId, groupRevision: 1 });
    return {
      result: { Group: toNewGroupView({ ...group, createdAt: context.now }) },
      changes: [insertGroup(context, group)],
      touched: [touchedGroup(group.groupId)],
    };
  },
});
