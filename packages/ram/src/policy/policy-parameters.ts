import { type ErrorCode, oneOf, optional, required, storableText } from "@cinnabar/kernel";
import { nameParameter } from "../parameters/names.ts";
import { documentParameter } from "./policy-document.ts";
import { versionId as versionIdSchema } from "./policy-version-id.ts";

/** Whose policies they are: the account's own, or those that are there from the beginning, the same in every account. */
export const POLICY_TYPES = ["Custom", "System"] as const;
export type PolicyType = (typeof POLICY_TYPES)[number];

/** Most characters of a description (Alibaba Cloud SDK, "CreatePolicy" and "CreateRole"). */
const MAX_DESCRIPTION_CHARACTERS = 1024;

export const policyName = required({
  ...nameParameter("policy", {
    invalidChars: "InvalidParameter.PolicyName.InvalidChars",
    length: "InvalidParameter.PolicyName.Length",
  }),
  description: "The policy's name: 1 to 128 letters, digits and hyphens.",
});

export const policyType = required({
  schema: oneOf(POLICY_TYPES),
  refusedAs: "InvalidParameter.PolicyType",
  description: "Custom for a policy of the account's own, System for one that is there from the beginning.",
});

export const policyDocument = required({
  ...documentParameter("identity", "InvalidParameter.PolicyDocument.Length"),
  description: "What the policy says, as JSON of at most 6144 characters.",
});

export const versionId = required({
  schema: versionIdSchema,
  refusedAs: "InvalidParameter.VersionId.Format",
  description: "The version's id, such as v2.",
});

const descriptionText = {
  schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
  refusedAs: "InvalidParameter.Description.Length",
  description: `What it is for, in words: at most ${MAX_DESCRIPTION_CHARACTERS} characters.`,
} as const;

/** What a policy or a role is for, in words. */
export const description = optional(descriptionText);
export const newDescription = required(descriptionText);

export const POLICY_NAME_ERRORS: readonly ErrorCode[] = [
  "InvalidParameter.PolicyName.InvalidChars",
  "InvalidParameter.PolicyName.Length",
];
