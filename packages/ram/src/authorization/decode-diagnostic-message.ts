import { ApiError, decodeDiagnosis, defineOperation, type Diagnosis, required, storableText } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";

/** Longer ones are none of ours: what is in them has limits of its own. */
const MAX_MESSAGE_CHARACTERS = 16_384;
/** For how long a message can be decoded, in milliseconds. The event of the call tells the same for as long as it is kept. */
const DECODABLE_MILLIS = 24 * 60 * 60 * 1000;

const decoded = z.object({
  AuthAction: z.string(),
  AuthResource: z.string(),
  AuthConditions: z.array(z.object({ ConditionKey: z.string(), ConditionValues: z.array(z.string()) })),
  AuthPrincipal: z.object({
    AuthPrincipalType: z.string(),
    AuthPrincipalDisplayName: z.string(),
    AuthPrincipalOwnerId: z.string(),
  }),
  ExplicitDeny: z.boolean(),
  NoPermissionPolicyType: z.string(),
  /** The one with the statement that denies; nobody's if nothing does. */
  MatchedPolicies: z.array(
    z.object({
      PolicyType: z.string(),
      PolicyIdentifier: z.string(),
      PolicyVersion: z.string(),
      Effect: z.string(),
      AttachedScope: z.string(),
    }),
  ),
});

export const decodeDiagnosticMessage = defineOperation({
  ...ram,
  name: "DecodeDiagnosticMessage",
  summary: "Tells why a call of the account was refused, by the EncodedDiagnosticMessage of its answer.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    EncodedDiagnosticMessage: required({
      schema: storableText({ maxCharacters: MAX_MESSAGE_CHARACTERS }),
      audit: "omit",
      description: "The EncodedDiagnosticMessage of an AccessDeniedDetail, at most a day old.",
    }),
  },
  result: z.object({ DecodedDiagnosticMessage: decoded }),
  recordedResult: [],
  errors: ["EntityNotExist", "EncodedMessageExpire"],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:DecodeDiagnosticMessage")],
  handle(context, { EncodedDiagnosticMessage: text }) {
    const diagnosis = decodeDiagnosis(context.guard, text);
    // Another account's is none to this one.
    if (diagnosis?.principal.accountId !== context.principal.accountId) throw new ApiError("EntityNotExist");
    if (context.now >= diagnosis.refusedAt + DECODABLE_MILLIS) throw new ApiError("EncodedMessageExpire");
    context.holdsUntil(diagnosis.refusedAt + DECODABLE_MILLIS);
    return { result: { DecodedDiagnosticMessage: toDecoded(diagnosis) } };
  },
});

function toDecoded(diagnosis: Diagnosis): z.infer<typeof decoded> {
  const { action, resource, conditions, principal, policyType, isExplicit, policy } = diagnosis;
  return {
    AuthAction: action,
    AuthResource: resource,
    AuthConditions: Object.entries(conditions).map(([key, value]) => ({ ConditionKey: key, ConditionValues: [value] })),
    AuthPrincipal: {
      AuthPrincipalType: principal.type,
      AuthPrincipalDisplayName: principal.name,
      AuthPrincipalOwnerId: principal.accountId,
    },
    ExplicitDeny: isExplicit,
    NoPermissionPolicyType: policyType,
    MatchedPolicies:
      policy === undefined
        ? []
        : [
            {
              PolicyType: policy.type,
              PolicyIdentifier: policy.name,
              PolicyVersion: policy.version ?? "",
              Effect: "Deny",
              AttachedScope: "Account",
            },
          ],
  };
}
