import { type Parameter, required } from "@cinnabar/kernel";
import { z } from "zod";

/** No AccessKey's id is longer: beyond this it is not one that merely does not exist. */
const MAX_ID_CHARACTERS = 128;

/** The parameter that names the AccessKey that a call is about. */
export const userAccessKeyId: Parameter<string, "required"> = required({
  schema: z.string().max(MAX_ID_CHARACTERS, "It must be an AccessKey's id."),
  description: "The AccessKey's id.",
});
