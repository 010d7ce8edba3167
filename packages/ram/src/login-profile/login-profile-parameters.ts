import { booleanText, optional, type Parameter, required, storableText } from "@cinnabar/kernel";

/** Longest password, in characters: it is hashed whole, and that costs. */
const MAX_PASSWORD_CHARACTERS = 128;

const password = { schema: storableText({ maxCharacters: MAX_PASSWORD_CHARACTERS }), audit: "omit" } as const;

export function requiredPassword(description: string): Parameter<string, "required"> {
  return required({ ...password, description });
}

export function optionalPassword(description: string): Parameter<string, "optional"> {
  return optional({ ...password, description });
}

export const passwordResetRequired: Parameter<boolean, "optional"> = optional({
  schema: booleanText,
  description: "Whether the user has to choose another password when logging on.",
});

export const mfaBindRequired: Parameter<boolean, "optional"> = optional({
  schema: booleanText,
  description: "Whether the user has to bind an MFA device when logging on.",
});
