import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { LoginProfile } from "./login-profile-repository.ts";

/** What operations answer about a login profile. */
export const loginProfileResult = z.object({
  LoginProfile: z.object({
    UserName: z.string(),
    PasswordResetRequired: z.boolean(),
    MFABindRequired: z.boolean(),
    CreateDate: z.string(),
  }),
});

export function toLoginProfileResult(
  userName: string,
  profile: Pick<LoginProfile, "isPasswordResetRequired" | "isMfaBindRequired" | "createdAt">,
): z.infer<typeof loginProfileResult> {
  return {
    LoginProfile: {
      UserName: userName,
      PasswordResetRequired: profile.isPasswordResetRequired,
      MFABindRequired: profile.isMfaBindRequired,
      CreateDate: formatInstant(profile.createdAt),
    },
  };
}
