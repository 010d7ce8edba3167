import { type ErrorCode, integerText, optional, required } from "@cinnabar/kernel";
import { nameParameter } from "../parameters/names.ts";
import { documentParameter } from "../policy/policy-document.ts";

/** Limits of a role's sessions, in seconds (Alibaba Cloud SDK, "CreateRole"). */
const MIN_SESSION_SECONDS = 3600;
const MAX_SESSION_SECONDS = 43_200;
export const DEFAULT_SESSION_SECONDS = 3600;

export const roleName = required({
  ...nameParameter("role", {
    invalidChars: "InvalidParameter.RoleName.InvalidChars",
    length: "InvalidParameter.RoleName.Length",
  }),
  description: "The role's name: 1 to 64 letters, digits, periods and hyphens.",
});

export const trustPolicy = required({
  ...documentParameter("trust", "InvalidParameter.AssumeRolePolicyDocument.Length"),
  description: "Who may assume the role: its trust policy, as JSON of at most 6144 characters.",
});

export const newTrustPolicy = optional({
  ...documentParameter("trust", "InvalidParameter.NewAssumeRolePolicyDocument.Length"),
  description: "Who may assume the role from now on. Left out, it stays as it is.",
});

export const maxSessionSeconds = optional({
  schema: integerText({ min: MIN_SESSION_SECONDS, max: MAX_SESSION_SECONDS }),
  description: `How long a session of the role may last, from ${MIN_SESSION_SECONDS} to ${MAX_SESSION_SECONDS} seconds.`,
});

export const ROLE_NAME_ERRORS: readonly ErrorCode[] = [
  "InvalidParameter.RoleName.InvalidChars",
  "InvalidParameter.RoleName.Length",
];
