import { ApiError, defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { sts } from "./api.ts";
import { sessionResult } from "./issue-session.ts";
import { durationSeconds, roleArn, sessionPolicy } from "./parameters.ts";

const MAX_ASSERTION_CHARACTERS = 100_000;
const ADVICE =
  "This action is not supported: this server knows no SAML providers. Use AssumeRoleWithOIDC with an OpenID Connect provider.";

/** Declared so that callers read why it is refused. */
export const assumeRoleWithSaml = defineOperation({
  ...sts,
  name: "AssumeRoleWithSAML",
  summary: "Is refused: there are no SAML providers.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    SAMLProviderArn: required({ schema: z.string(), description: "The ARN of a SAML provider." }),
    RoleArn: roleArn,
    SAMLAssertion: required({
      schema: z.string().max(MAX_ASSERTION_CHARACTERS, `It must have at most ${MAX_ASSERTION_CHARACTERS} characters.`),
      audit: "omit",
      description: "The assertion, in base64.",
    }),
    DurationSeconds: durationSeconds,
    Policy: sessionPolicy,
  },
  result: z.object({
    ...sessionResult,
    SAMLAssertionInfo: z.object({
      Issuer: z.string(),
      Recipient: z.string(),
      Subject: z.string(),
      SubjectType: z.string(),
    }),
  }),
  recordedResult: [],
  errors: ["UnsupportedOperation"],
  identify: () => Promise.reject(new ApiError("UnsupportedOperation", ADVICE)),
  target: () => undefined,
  access: () => [],
  handle: () => {
    throw new ApiError("UnsupportedOperation", ADVICE);
  },
});
