import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { assertStrong } from "./assert-strong.ts";
import { mfaBindRequired, optionalPassword, passwordResetRequired } from "./login-profile-parameters.ts";
import { changeLoginProfile, loadLoginProfile, touchedLoginProfile } from "./login-profile-repository.ts";
import { hashOnce } from "./password-work.ts";

export const updateLoginProfile = defineOperation({
  ...ram,
  name: "UpdateLoginProfile",
  summary: "Changes how a user logs on to the console. What is left out stays as it is.",
  kind: "control",
  queue: "password",
  queuedWith: "Password",
  readWrite: "Write",
  parameters: {
    UserName: userName,
    Password: optionalPassword("A new password, as the account's password policy asks."),
    PasswordResetRequired: passwordResetRequired,
    MFABindRequired: mfaBindRequired,
  },
  result: z.object({}),
  recordedResult: [],
  errors: [
    ...USER_NAME_ERRORS,
    "InvalidParameter.Password.TooWeak",
    "EntityNotExist.User",
    "EntityNotExist.User.LoginProfile",
  ],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:UpdateLoginProfile", { type: "user", name })],
  async handle(context, parameters, name) {
    const { Password: password } = parameters;
    const { userId } = await loadUserByName(context, name);
    const profile = await loadLoginProfile(context, userId);
    if (password !== undefined) await assertStrong(context, password, "InvalidParameter.Password.TooWeak");
    const change = {
      isPasswordResetRequired: parameters.PasswordResetRequired,
      isMfaBindRequired: parameters.MFABindRequired,
      passwordHash: password === undefined ? undefined : await hashOnce(context, password),
    };
    return {
      result: {},
      changes: [await changeLoginProfile(context, profile, change)],
      touched: [touchedLoginProfile(userId)],
    };
  },
});
