import { ApiError, ERRORS, type RequestContext } from "@cinnabar/kernel";
import { loadSettings } from "../settings/load-settings.ts";
import { type PasswordPolicy, weakness } from "../settings/password-policy.ts";

/**
 * Checks a new password against the policy of the caller's account, which it gives.
 *
 * @throws ApiError `code`, which says what the password lacks.
 */
export async function assertStrong(
  context: RequestContext,
  password: string,
  code: "InvalidParameter.Password.TooWeak" | "InvalidParameter.NewPassword.TooWeak",
): Promise<PasswordPolicy> {
  const { passwordPolicy } = await loadSettings(context);
  const missing = weakness(password, passwordPolicy);
  if (missing !== undefined) throw new ApiError(code, `${ERRORS[code].message} It must have ${missing}.`);
  return passwordPolicy;
}
