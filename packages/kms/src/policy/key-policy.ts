import { compilePolicy, parsePolicy, PolicyError, PolicySet } from "@cinnabar/policy";
import { z } from "zod";

/** Longest policy of a key, in bytes (Alibaba Cloud SDK, "CreateKey"). */
export const MAX_POLICY_BYTES = 32_768;

/** The one policy that a key has goes by this name (Alibaba Cloud SDK, "GetKeyPolicy"). */
export const POLICY_NAME = "default";

/** What a key itself says about who may use it. */
export interface KeyPolicy {
  /** As it was given. */
  readonly document: string;
  readonly statements: PolicySet;
}

/** A policy as JSON. Its messages say where a document is wrong, what stands there, and what may. */
export const keyPolicy: z.ZodType<KeyPolicy> = z.string().transform((document, { issues }) => {
  try {
    return openKeyPolicy(document);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    issues.push({ code: "custom", input: document, message: `It must be a policy in JSON. ${error.message}` });
    return z.NEVER;
  }
});

/** @throws PolicyError if the document is no policy of a key. */
export function openKeyPolicy(document: string): KeyPolicy {
  const policy = parsePolicy(document, "resource", { maxBytes: MAX_POLICY_BYTES });
  return { document, statements: new PolicySet([compilePolicy(policy, { type: "Resource", name: POLICY_NAME })]) };
}

/**
 * The policy of a key that was given none: it names the whole account, which leaves the key to the account's root and to
 * the policies of its users and roles (Alibaba Cloud SDK, "CreateKey").
 *
 * @param others - whom it names beside, for the same: the owner of the instance that the key is in, if that is another
 * account (Alibaba Cloud KMS, "Share KMS instances across multiple accounts").
 */
export function defaultKeyPolicy(accountId: string, ...others: readonly string[]): string {
  return JSON.stringify({
    Version: "1",
    Statement: [
      {
        Sid: "kms default key policy",
        Effect: "Allow",
        Principal: { RAM: [accountId, ...others].map((account) => `acs:ram::${account}:*`) },
        Action: ["kms:*"],
        Resource: ["*"],
      },
    ],
  });
}
