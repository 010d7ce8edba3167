import { z } from "zod";

const MAX_ACTION_CHARACTERS = 128;
const ADVICE = "It must read <service>:<operation>, such as kms:Decrypt.";

/** What somebody would do. */
export const authAction = z
  .string()
  .max(MAX_ACTION_CHARACTERS, ADVICE)
  .regex(/^[A-Za-z0-9-]+:[A-Za-z0-9]+$/, ADVICE);
