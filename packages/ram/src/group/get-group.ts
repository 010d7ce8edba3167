import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { GROUP_NAME_ERRORS, groupName } from "./group-parameters.ts";
import { loadGroupByName } from "./group-repository.ts";
import { groupView, toGroupView } from "./group-view.ts";

export const getGroup = defineOperation({
  ...ram,
  name: "GetGroup",
  summary: "Tells what is known about a group.",
  kind: "read",
  readWrite: "Read",
  parameters: { GroupName: groupName },
  result: z.object({ Group: groupView }),
  recordedResult: [],
  errors: [...GROUP_NAME_ERRORS, "EntityNotExist.Group"],
  target: (_context, { GroupName }) => GroupName,
  access: (context, name) => [onNamed(context, "ram:GetGroup", { type: "group", name })],
  handle: async (context, _parameters, name) => ({
    result: { Group: toGroupView(await loadGroupByName(context, name)) },
  }),
});
