import { oneOf, optional } from "@cinnabar/kernel";

/** No algorithm that is served pads. */
export const noPadding = optional({
  schema: oneOf(["NO_PADDING"]),
  description: "How the plaintext is padded: GCM does not, nor has OAEP a choice.",
});
