import { ApiError, defineOperation, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { assertStrong } from "./assert-strong.ts";
import { requiredPassword } from "./login-profile-parameters.ts";
import {
  changeLoginProfile,
  loadLoginProfile,
  type LoginProfile,
  openHashes,
  touchedLoginProfile,
} from "./login-profile-repository.ts";
import { assertOldPassword } from "./old-password.ts";
import { onOwnPassword } from "./own-password.ts";
import { hashOnce, verifyOnce } from "./password-work.ts";

export const changePassword = defineOperation({
  ...ram,
  name: "ChangePassword",
  summary: "Gives the user who calls another password.",
  kind: "control",
  queue: "password",
  readWrite: "Write",
  parameters: {
    OldPassword: requiredPassword("The password as it is."),
    NewPassword: requiredPassword("The password as it is to be, as the account's password policy asks."),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [
    "NotSupport.Account",
    "InvalidParameter.OldPassword.Incorrect",
    "InvalidParameter.NewPassword.TooWeak",
    "InvalidParameter.NewPassword.ReusePrevention",
    "EntityNotExist.User.LoginProfile",
  ],
  async target(context) {
    const { principal } = context;
    if (principal.type !== "ram-user") throw new ApiError("NotSupport.Account");
    return { principal, right: await onOwnPassword(context, principal.userName) };
  },
  access: (_context, { right }) => [right],
  async handle(context, { OldPassword: oldPassword, NewPassword: newPassword }, { principal: { userName: name } }) {
    const { userId } = await loadUserByName(context, name);
    const profile = await loadLoginProfile(context, userId);
    await assertChangeable(context, profile, { oldPassword, newPassword });
    const change = { passwordHash: await hashOnce(context, newPassword), isPasswordResetRequired: false };
    return {
      result: {},
      changes: [await changeLoginProfile(context, profile, change)],
      touched: [touchedLoginProfile(userId)],
    };
  },
});

async function assertChangeable(
  context: RequestContext,
  profile: LoginProfile,
  { oldPassword, newPassword }: { readonly oldPassword: string; readonly newPassword: string },
): Promise<void> {
  const hashes = await openHashes(context, profile);
  const [present = ""] = hashes;
  await assertOldPassword(context, profile, { password: oldPassword, hash: present });
  const { reusePrevention } = await assertStrong(context, newPassword, "InvalidParameter.NewPassword.TooWeak");
  const forbidden = hashes.slice(0, reusePrevention);
  const verdicts = forbidden.map((hash) => verifyOnce(context, { role: "new", password: newPassword, hash }));
  if ((await Promise.all(verdicts)).includes(true)) {
    throw new ApiError("InvalidParameter.NewPassword.ReusePrevention");
  }
}
