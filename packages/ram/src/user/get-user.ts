import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "./user-parameters.ts";
import { loadUserByName } from "./user-repository.ts";
import { toUserView, userView } from "./user-view.ts";

export const getUser = defineOperation({
  ...ram,
  name: "GetUser",
  summary: "Tells what is known about a user.",
  kind: "read",
  readWrite: "Read",
  parameters: { UserName: userName },
  result: z.object({ User: userView }),
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User"],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:GetUser", { type: "user", name })],
  handle: async (context, _parameters, name) => ({
    result: { User: toUserView(await loadUserByName(context, name)) },
  }),
});
