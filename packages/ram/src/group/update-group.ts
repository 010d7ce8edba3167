import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { detail } from "../user/user-parameters.ts";
import { GROUP_NAME_ERRORS, groupName, newGroupName } from "./group-parameters.ts";
import { changeGroup, findGroupByName, loadGroupByName, touchedGroup } from "./group-repository.ts";
import { groupView, toGroupView } from "./group-view.ts";

export const updateGroup = defineOperation({
  ...ram,
  name: "UpdateGroup",
  summary: "Changes a group's name and comments. What is left out stays as it is.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    GroupName: groupName,
    NewGroupName: newGroupName,
    NewComments: detail(
      { length: "InvalidParameter.NewComments.Length", invalidChars: "InvalidParameter" },
      "What the group is for.",
    ),
  },
  result: z.object({ Group: groupView }),
  recordedResult: [],
  errors: [
    ...GROUP_NAME_ERRORS,
    "InvalidParameter.NewGroupName.InvalidChars",
    "InvalidParameter.NewGroupName.Length",
    "InvalidParameter.NewComments.Length",
    "EntityNotExist.Group",
    "EntityAlreadyExists.Group",
  ],
  target: (_context, { GroupName: name, NewGroupName: newName = name }) => ({ name, newName }),
  // Policies name groups as resources: who may give one a name must be allowed to do so under both names.
  access: (context, { name, newName }) => [
    onNamed(context, "ram:UpdateGroup", { type: "group", name }),
    ...(newName === name ? [] : [onNamed(context, "ram:UpdateGroup", { type: "group", name: newName })]),
  ],
  async handle(context, { NewComments }, { name, newName }) {
    const group = await loadGroupByName(context, name);
    const { accountId } = group;
    if (newName !== name && (await findGroupByName(context, { accountId, groupName: newName })) !== undefined) {
      throw new ApiError("EntityAlreadyExists.Group");
    }
    const next = { groupName: newName, comments: NewComments ?? group.comments };
    return {
      result: { Group: toGroupView({ ...group, ...next, updatedAt: context.now }) },
      changes: [changeGroup(context, group, next)],
      touched: [touchedGroup(group.groupId)],
    };
  },
});
