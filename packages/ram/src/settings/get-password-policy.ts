import { defineOperation } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { loadSettings } from "./load-settings.ts";
import { passwordPolicyResult, toPasswordPolicyResult } from "./password-policy.ts";

export const getPasswordPolicy = defineOperation({
  ...ram,
  name: "GetPasswordPolicy",
  summary: "Tells what the account asks of its users' passwords.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: passwordPolicyResult,
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:GetPasswordPolicy")],
  handle: async (context) => ({ result: toPasswordPolicyResult((await loadSettings(context)).passwordPolicy) }),
});
