import { defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { loadSettings } from "./load-settings.ts";
import { securityPreferenceResult, toSecurityPreferenceResult } from "./security-preference.ts";

export const getSecurityPreference = defineOperation({
  ...ram,
  name: "GetSecurityPreference",
  summary: "Tells what the account's users may do to their own, and how they log on.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: securityPreferenceResult,
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:GetSecurityPreference")],
  handle: async (context) => ({
    result: toSecurityPreferenceResult((await loadSettings(context)).securityPreference),
  }),
});
