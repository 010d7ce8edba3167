import { flagOf, SETTING_NAMES, SETTINGS } from "./settings.ts";
import { CONFIG } from "./sources.ts";

const valued = new Set<string>([
  flagOf(CONFIG),
  ...SETTING_NAMES.filter((name) => SETTINGS[name].placeholder !== undefined).map(flagOf),
]);

/** Whether the word after this flag of a setting is its value. */
export function takesValue(flag: string): boolean {
  return valued.has(flag);
}
