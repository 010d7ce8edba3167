import { ApiError, defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { assertStrong } from "./assert-strong.ts";
import { mfaBindRequired, passwordResetRequired, requiredPassword } from "./login-profile-parameters.ts";
import { insertLoginProfile, loginProfileKind, touchedLoginProfile } from "./login-profile-repository.ts";
import { loginProfileResult, toLoginProfileResult } from "./login-profile-view.ts";
import { hashOnce } from "./password-work.ts";

export const createLoginProfile = defineOperation({
  ...ram,
  name: "CreateLoginProfile",
  summary: "Lets a user log on to the console with a password.",
  kind: "control",
  queue: "password",
  readWrite: "Write",
  parameters: {
    UserName: userName,
    Password: requiredPassword("The password, as the account's password policy asks."),
    PasswordResetRequired: passwordResetRequired,
    MFABindRequired: mfaBindRequired,
  },
  result: loginProfileResult,
  recordedResult: [],
  errors: [
    ...USER_NAME_ERRORS,
    "InvalidParameter.Password.TooWeak",
    "EntityNotExist.User",
    "EntityAlreadyExists.User.LoginProfile",
  ],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:CreateLoginProfile", { type: "user", name })],
  async handle(context, parameters, name) {
    const { Password: password } = parameters;
    const user = await loadUserByName(context, name);
    if ((await context.find(loginProfileKind, user.userId)) !== undefined) {
      throw new ApiError("EntityAlreadyExists.User.LoginProfile");
    }
    await assertStrong(context, password, "InvalidParameter.Password.TooWeak");
    const profile = {
      isPasswordResetRequired: parameters.PasswordResetRequired ?? false,
      isMfaBindRequired: parameters.MFABindRequired ?? false,
      passwordHash: await hashOnce(context, password),
    };
    return {
      result: toLoginProfileResult(name, { ...profile, createdAt: context.now }),
      changes: [await insertLoginProfile(context, user, profile)],
      touched: [touchedLoginProfile(user.userId)],
    };
  },
});
