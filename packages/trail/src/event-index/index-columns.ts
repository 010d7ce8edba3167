import { type AttributeName, ATTRIBUTE_NAMES } from "../events/attributes.ts";
import { SENSITIVE_ACTIONS_VERSION } from "../events/sensitive-actions.ts";

/** Names of a segment's columns: one for each attribute, the account that an event belongs to, and the places. */
export const ACCOUNT_COLUMN = "account";
export const PLACES_COLUMN = "places";

/** The column of an attribute. */
export function columnOf(name: AttributeName): string {
  return name === "SensitiveAction" ? `${name}/${SENSITIVE_ACTIONS_VERSION}` : name;
}

/** The columns that hold values, all that a segment has beside its places. */
export const VALUE_COLUMNS: readonly string[] = [ACCOUNT_COLUMN, ...ATTRIBUTE_NAMES.map(columnOf)];
