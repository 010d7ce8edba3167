import { optional } from "@cinnabar/kernel";
import { oneOf } from "../parameters/one-of.ts";

/** No algorithm that is served pads. */
export const noPadding = optional({
  schema: oneOf(["NO_PADDING"]),
  description: "How the plaintext is padded: GCM does not, nor has OAEP a choice.",
});
