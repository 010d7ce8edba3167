import { z } from "zod";
import { jsonText } from "../parameters/json-text.ts";

/** Longest policy of a key, in bytes (Alibaba Cloud SDK, "CreateKey"). */
const MAX_POLICY_BYTES = 32_768;

/** A policy document. What it says is not looked at yet. */
export const policyDocument: z.ZodType<object> = jsonText(
  z.looseObject({}),
  `It must be a JSON object of at most ${MAX_POLICY_BYTES} bytes.`,
  { maxBytes: MAX_POLICY_BYTES },
);
