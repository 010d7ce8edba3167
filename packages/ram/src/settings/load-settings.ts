import type { RequestContext } from "@cinnabar/kernel";
import { type IdentitySettings, identitySettingsKind } from "./identity-settings.ts";

/** The settings of the caller's account. */
export async function loadSettings(context: RequestContext): Promise<IdentitySettings> {
  const settings = await context.find(identitySettingsKind, context.principal.accountId);
  if (settings === undefined) throw new RangeError("every account has settings");
  return settings;
}
