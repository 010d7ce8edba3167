import { randomBytes } from "node:crypto";
import { SecretBytes } from "@cinnabar/crypto";
import { integerText, invalidParameter, optional, type ParameterValues } from "@cinnabar/kernel";
import { z } from "zod";

/** The longest data key, in bytes (Alibaba Cloud SDK, "GenerateDataKey"). */
export const MAX_DATA_KEY_BYTES = 1024;
const DATA_KEY_BYTES = { min: 1, max: MAX_DATA_KEY_BYTES } as const;
const SPEC_BYTES: ReadonlyMap<string, number> = new Map([
  ["AES_256", 32],
  ["AES_128", 16],
]);
const DEFAULT_SPEC = "AES_256";

/** The parameters that say how long a data key is to be. */
export const dataKeyParameters = {
  // Any text: clients send specs such as SM4_128 together with NumberOfBytes, which then alone decides.
  KeySpec: optional({
    schema: z.string(),
    description: "AES_256, the default, or AES_128. NumberOfBytes wins over it.",
  }),
  NumberOfBytes: optional({
    schema: integerText(DATA_KEY_BYTES),
    description: `The data key's length in bytes, from ${DATA_KEY_BYTES.min} to ${DATA_KEY_BYTES.max}.`,
  }),
};

/** @throws ApiError `InvalidParameter` if the length hangs on a KeySpec that is not known. */
export function dataKeyLength(values: ParameterValues<typeof dataKeyParameters>): number {
  const { KeySpec: spec = DEFAULT_SPEC, NumberOfBytes: length = SPEC_BYTES.get(spec) } = values;
  if (length === undefined)
    throw invalidParameter("KeySpec", `It must be one of ${[...SPEC_BYTES.keys()].join(", ")}.`);
  return length;
}

/** A new data key in base64: the text that callers get, and that is encrypted for them. */
export function newDataKey(lengthBytes: number): string {
  using key = new SecretBytes(randomBytes(lengthBytes));
  return key.bytes.toString("base64");
}
