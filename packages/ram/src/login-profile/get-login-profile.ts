import { defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { loadLoginProfile } from "./login-profile-repository.ts";
import { loginProfileResult, toLoginProfileResult } from "./login-profile-view.ts";

export const getLoginProfile = defineOperation({
  ...ram,
  name: "GetLoginProfile",
  summary: "Tells how a user logs on to the console, without the password.",
  kind: "read",
  readWrite: "Read",
  parameters: { UserName: userName },
  result: loginProfileResult,
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.LoginProfile"],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:GetLoginProfile", { type: "user", name })],
  async handle(context, _parameters, name) {
    const { userId } = await loadUserByName(context, name);
    return { result: toLoginProfileResult(name, await loadLoginProfile(context, userId)) };
  },
});
