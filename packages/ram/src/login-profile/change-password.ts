import { ApiError, defineOperation, type RequestContext, type UserPrincipal } from "@cinnabar/kernel";
import { compilePolicy, type Policy, PolicySet } from "@cinnabar/policy";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { loadSettings } from "../settings/load-settings.ts";
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
    const { securityPreference } = await loadSettings(context);
    return { principal, isFree: securityPreference.usersChangePassword };
  },
  // Where the account leaves passwords to its users, they may change their own, as long as no policy of theirs denies it.
  access: (context, { principal, isFree }) => [
    {
      ...onNamed(context, "ram:ChangePassword", { type: "user", name: principal.userName }),
      ...(isFree && { resourcePolicy: ownPassword(principal) }),
    },
  ],
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

/** What a security preference says of a user and its own password, as a policy. */
function ownPassword({ accountId, userName: name }: UserPrincipal): PolicySet {
  const policy: Policy = {
    kind: "resource",
    statements: [
      {
        effect: "Allow",
        exceptActions: false,
        actions: ["ram:ChangePassword"],
        resources: ["*"],
        principals: [{ type: "user", accountId, name }],
        conditions: [],
      },
    ],
  };
  return new PolicySet([compilePolicy(policy, { type: "Resource", name: "AllowUserToChangePassword" })]);
}

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
