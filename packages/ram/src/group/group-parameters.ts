import { type ErrorCode, optional, type Parameter, required } from "@cinnabar/kernel";
import { nameParameter } from "../parameters/names.ts";

const groupNameCodes = {
  invalidChars: "InvalidParameter.GroupName.InvalidChars",
  length: "InvalidParameter.GroupName.Length",
} as const;

/** The parameter that names the group that a call is about. */
export const groupName: Parameter<string, "required"> = required({
  ...nameParameter("group", groupNameCodes),
  description: "The group's name: 1 to 64 letters, digits, periods, underscores and hyphens.",
});

/** What operations answer about a wrong `GroupName`. */
export const GROUP_NAME_ERRORS: readonly ErrorCode[] = Object.values(groupNameCodes);

export const newGroupName: Parameter<string, "optional"> = optional({
  ...nameParameter("group", {
    invalidChars: "InvalidParameter.NewGroupName.InvalidChars",
    length: "InvalidParameter.NewGroupName.Length",
  }),
  description: "The group's new name.",
});
