import { z } from "zod";

const heldRight = z.object({ Action: z.string(), Roles: z.object({ Role: z.array(z.string()) }) });

/**
 * What an answer may say beside what was asked for, to people: clients ignore members that they do not know. Missing where
 * there is nothing to be said.
 */
export const warningsResult = {
  Warnings: z
    .object({
      Warning: z.array(
        z.object({
          Code: z.string(),
          Message: z.string(),
          /** The ARN of whoever it is about. */
          Principal: z.string(),
          /** The key that it is about, or `*` for all that somebody's policies are about. */
          KeyId: z.string(),
          Using: heldRight,
          Managing: heldRight,
        }),
      ),
      /** Whether there are more. */
      IsTruncated: z.boolean(),
    })
    .optional(),
};

const warned = z.object(warningsResult);

/** The part of an answer that warns. */
export type Warned = z.infer<typeof warned>;
