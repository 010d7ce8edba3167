import { type ErrorCode, isStorable, optional, type Parameter, required, storableText } from "@cinnabar/kernel";
import { z } from "zod";
import { nameParameter } from "../parameters/names.ts";

/** Most characters of a display name and of comments (SDK, "CreateUser"). */
const MAX_DETAIL_CHARACTERS = 128;
const MAX_EMAIL_CHARACTERS = 254;
const EMAIL = /^[^\s@]+@[^\s@]+$/;
/** `<country code>-<number>` (SDK, "UpdateUser"). */
const MOBILE_PHONE = /^[0-9]{1,4}-[0-9]{4,20}$/;

const userNameCodes = {
  invalidChars: "InvalidParameter.UserName.InvalidChars",
  length: "InvalidParameter.UserName.Length",
} as const;

/** The parameter that names the user that a call is about. */
export const userName: Parameter<string, "required"> = required({
  ...nameParameter("user", userNameCodes),
  description: "The user's name: 1 to 64 letters, digits, periods, underscores and hyphens.",
});

/** The same where the caller itself is meant if nobody is named, should it be a user. */
export const userNameOrCaller: Parameter<string, "optional"> = optional({
  ...nameParameter("user", userNameCodes),
  description: "The user's name. Left out, the user who calls; the root has to name one.",
});

/** What operations answer about a wrong `UserName`. */
export const USER_NAME_ERRORS: readonly ErrorCode[] = Object.values(userNameCodes);

export const newUserName: Parameter<string, "optional"> = optional({
  ...nameParameter("user", {
    invalidChars: "InvalidParameter.NewUserName.InvalidChars",
    length: "InvalidParameter.NewUserName.Length",
  }),
  description: "The user's new name. Policies that name the user by its old name no longer do.",
});

interface TextCodes {
  readonly length: ErrorCode;
  readonly invalidChars: ErrorCode;
}

/** Text of at most 128 characters. */
export function detail(codes: TextCodes, description: string): Parameter<string, "optional"> {
  return optional({
    schema: storableText({ maxCharacters: MAX_DETAIL_CHARACTERS }),
    refusedAs: (raw) =>
      typeof raw === "string" && raw.length > MAX_DETAIL_CHARACTERS ? codes.length : codes.invalidChars,
    description: `${description} At most ${MAX_DETAIL_CHARACTERS} characters.`,
  });
}

export function email(refusedAs: ErrorCode, description: string): Parameter<string, "optional"> {
  return optional({
    schema: z
      .string()
      .max(MAX_EMAIL_CHARACTERS, `It must have at most ${MAX_EMAIL_CHARACTERS} characters.`)
      .refine((text) => EMAIL.test(text) && isStorable(text), {
        error: "It must be an address such as alice@example.com.",
      }),
    refusedAs,
    description,
  });
}

export function mobilePhone(refusedAs: ErrorCode, description: string): Parameter<string, "optional"> {
  return optional({
    schema: z.string().regex(MOBILE_PHONE, "It must be a country code, a hyphen and a number, such as 86-18600000000."),
    refusedAs,
    description,
  });
}
