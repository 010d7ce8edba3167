import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { deleteLoginProfileRow, loadLoginProfile, touchedLoginProfile } from "./login-profile-repository.ts";

export const deleteLoginProfile = defineOperation({
  ...ram,
  name: "DeleteLoginProfile",
  summary: "Lets a user log on to the console no more.",
  kind: "control",
  readWrite: "Write",
  parameters: { UserName: userName },
  result: z.object({}),
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.LoginProfile"],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:DeleteLoginProfile", { type: "user", name })],
  async handle(context, _parameters, name) {
    const { userId } = await loadUserByName(context, name);
    const profile = await loadLoginProfile(context, userId);
    return {
      result: {},
      changes: [deleteLoginProfileRow(context, profile)],
      touched: [touchedLoginProfile(userId)],
    };
  },
});
