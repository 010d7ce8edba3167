import { integerText, isId, isStorable, optional, required, sourceArnText } from "@cinnabar/kernel";
import { parsePolicy, PolicyError } from "@cinnabar/policy";
import { z } from "zod";
import { MAX_SESSION_POLICY_BYTES } from "./security-token.ts";

/** Limits of a session, in seconds (STS, "AssumeRole", DurationSeconds; RAM, "CreateRole", MaxSessionDuration). */
const MIN_DURATION_SECONDS = 900;
const MAX_DURATION_SECONDS = 43_200;
export const DEFAULT_DURATION_SECONDS = 3600;
/** Longest session that is begun from another one, in seconds, whatever its role allows. */
export const CHAINED_DURATION_SECONDS = 3600;

/** Names a role by its account and its name. */
export interface RoleReference {
  /** As it was sent. */
  readonly arn: string;
  readonly accountId: string;
  readonly name: string;
}

const ROLE_ARN = /^acs:ram::([1-9][0-9]{15}):role\/([A-Za-z0-9.-]{1,64})$/;

export const roleArn = required({
  schema: z.string().transform((arn, { issues }): RoleReference => {
    const [, accountId, name] = ROLE_ARN.exec(arn) ?? [];
    if (accountId !== undefined && name !== undefined) return { arn, accountId, name };
    issues.push({ code: "custom", input: arn, message: "It must read acs:ram::<account id>:role/<role name>." });
    return z.NEVER;
  }),
  refusedAs: "InvalidParameter.RoleArn",
  description: "The ARN of the role: acs:ram::<account id>:role/<role name>.",
});

export const roleSessionName = required({
  schema: z
    .string()
    .regex(
      /^[A-Za-z0-9.@_-]{2,64}$/,
      "It must be 2 to 64 letters, digits, periods, at signs, underscores and hyphens.",
    ),
  refusedAs: "InvalidParameter.RoleSessionName",
  description: "The session's name, which stands in its ARN and in every event of it.",
});

export const durationSeconds = optional({
  schema: integerText({ min: MIN_DURATION_SECONDS, max: MAX_DURATION_SECONDS }),
  refusedAs: "InvalidParameter.DurationSeconds",
  description: `How long the session lasts, from ${MIN_DURATION_SECONDS} seconds to what the role allows. ${DEFAULT_DURATION_SECONDS} by default.`,
});

export const externalId = optional({
  schema: z
    .string()
    .regex(
      /^[A-Za-z0-9_+=,.@:/-]{2,1224}$/,
      "It must be 2 to 1224 letters, digits and characters among _ + = , . @ : / -.",
    ),
  refusedAs: "InvalidParameter.ExternalId",
  description: "What the role's trust policy may require as sts:ExternalId.",
});

/** For whom a service assumes a role, as the role's trust policy may require it. Cinnabar's own. */
export const sourceParameters = {
  SourceAccount: optional({
    schema: z.string().refine((text) => isId("Account", text), "It must be the id of an account: 16 digits."),
    description: "From services: the account that they assume the role for, as acs:SourceAccount.",
  }),
  SourceArn: optional({
    schema: sourceArnText,
    description:
      "From services: the resource that they assume the role for, as acs:SourceArn. The session's uses of keys are counted for it.",
  }),
};

export const sessionPolicy = optional({
  schema: z.string().transform((text, { issues }): string => {
    const problem = isTooLong(text) ? `It has more than ${MAX_SESSION_POLICY_BYTES} bytes.` : findProblem(text);
    if (problem === undefined) return text;
    issues.push({ code: "custom", input: text, message: problem });
    return z.NEVER;
  }),
  refusedAs: (raw) =>
    typeof raw === "string" && isTooLong(raw) ? "InvalidParameter.PolicySize" : "InvalidParameter.PolicyGrammar",
  description: `Narrows what the session may do: a policy of at most ${MAX_SESSION_POLICY_BYTES} bytes.`,
});

function isTooLong(text: string): boolean {
  return Buffer.byteLength(text) > MAX_SESSION_POLICY_BYTES;
}

function findProblem(text: string): string | undefined {
  if (!isStorable(text)) return "It must be Unicode text without the character U+0000.";
  try {
    parsePolicy(text, "session");
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
}
