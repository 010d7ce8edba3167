import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { hasAttachments } from "../attachment/attachment-repository.ts";
import { onNamed } from "../resource-name.ts";
import { GROUP_NAME_ERRORS, groupName } from "./group-parameters.ts";
import { deleteGroupRow, loadGroupByName, touchedGroup } from "./group-repository.ts";
import { listMemberships } from "./membership-repository.ts";

export const deleteGroup = defineOperation({
  ...ram,
  name: "DeleteGroup",
  summary: "Deletes a group that has no users and no policies.",
  kind: "control",
  readWrite: "Write",
  parameters: { GroupName: groupName },
  result: z.object({}),
  recordedResult: [],
  errors: [...GROUP_NAME_ERRORS, "EntityNotExist.Group", "DeleteConflict.Group.User", "DeleteConflict.Group.Policy"],
  target: (_context, { GroupName }) => GroupName,
  access: (context, name) => [onNamed(context, "ram:DeleteGroup", { type: "group", name })],
  async handle(context, _parameters, name) {
    const group = await loadGroupByName(context, name);
    const { groupId } = group;
    if ((await listMemberships(context, { groupId })).length > 0) throw new ApiError("DeleteConflict.Group.User");
    if (await hasAttachments(context, "group", groupId)) throw new ApiError("DeleteConflict.Group.Policy");
    return { result: {}, changes: [deleteGroupRow(context, group)], touched: [touchedGroup(groupId)] };
  },
});
