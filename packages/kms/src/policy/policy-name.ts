import { ApiError, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { POLICY_NAME } from "./key-policy.ts";

const MAX_POLICY_NAME_CHARACTERS = 256;

/** The parameter that names the policy of a key. */
export const policyNameParameters = {
  PolicyName: optional({
    schema: z
      .string()
      .max(MAX_POLICY_NAME_CHARACTERS, `It must have at most ${MAX_POLICY_NAME_CHARACTERS} characters.`),
    description: `The policy's name, which is ${POLICY_NAME}.`,
  }),
};

/** @throws {@link ApiError} `Forbidden.ResourceNotFound`: a key has no policy of another name. */
export function assertPolicyName(name: string = POLICY_NAME): void {
  if (name === POLICY_NAME) return;
  throw new ApiError("Forbidden.ResourceNotFound", `Policy not found. A key has one, which is called ${POLICY_NAME}.`);
}
