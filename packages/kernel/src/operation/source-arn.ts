import { z } from "zod";

/** Longest name of a resource that a service calls for, in characters, which are bytes. */
export const MAX_SOURCE_ARN_CHARACTERS = 1024;

/** The resource that a service calls for, as `acs:SourceArn`. */
export const sourceArnText: z.ZodType<string> = z
  .string()
  .max(MAX_SOURCE_ARN_CHARACTERS)
  .regex(/^acs:[\x21-\x7e]+$/, "It must be an ARN, in visible ASCII characters.");
