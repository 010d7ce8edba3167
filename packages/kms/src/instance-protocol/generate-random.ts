import { randomBytes } from "node:crypto";
import { defineOperation, integerText, required } from "@cinnabar/kernel";
import { z } from "zod";
import { onAnything } from "../resource-name.ts";
import { instanceApi } from "./instance-api.ts";
import { takeText } from "./to-text.ts";

/** Bytes that may be asked for at once (KMS Instance API, "GenerateRandom"). */
const RANDOM_BYTES = { min: 1, max: 1024 } as const;

export const generateRandom = defineOperation({
  ...instanceApi,
  name: "GenerateRandom",
  summary: "Gives random bytes.",
  kind: "crypto",
  readWrite: "Read",
  parameters: {
    Length: required({
      schema: integerText(RANDOM_BYTES),
      description: `How many bytes, from ${RANDOM_BYTES.min} to ${RANDOM_BYTES.max}.`,
    }),
  },
  result: z.object({ Random: z.string() }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAnything("kms:GenerateRandom", context)],
  handle: (_context, { Length: length }) => ({ result: { Random: takeText(randomBytes(length)) } }),
});
