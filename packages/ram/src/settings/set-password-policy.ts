import { booleanText, defineOperation, integerText, optional, type Parameter } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { passwordPolicyTable, toPasswordPolicyRow, touchedSettings } from "./identity-settings.ts";
import { loadSettings } from "./load-settings.ts";
import {
  DEFAULT_PASSWORD_POLICY,
  PASSWORD_POLICY_LIMITS,
  type PasswordPolicy,
  passwordPolicyResult,
  toPasswordPolicyResult,
} from "./password-policy.ts";

export const setPasswordPolicy = defineOperation({
  ...ram,
  name: "SetPasswordPolicy",
  summary: "Says what the account asks of its users' passwords. What is left out is as by default.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    MinimumPasswordLength: optional({
      schema: integerText(PASSWORD_POLICY_LIMITS.minimumLength),
      refusedAs: "InvalidParameter.MinimumPasswordLength.Range",
      description: "The fewest characters of a password, from 8 to 32. 8 by default.",
    }),
    RequireLowercaseCharacters: requirement("a lowercase letter"),
    RequireUppercaseCharacters: requirement("an uppercase letter"),
    RequireNumbers: requirement("a digit"),
    RequireSymbols: requirement("a character that is no letter and no digit"),
    HardExpiry: optional({
      schema: booleanText,
      description:
        "Whether an administrator has to replace a password whose time is over, instead of its user. false by default.",
    }),
    MaxPasswordAge: optional({
      schema: integerText(PASSWORD_POLICY_LIMITS.maxAgeDays),
      description: "For how many days a password is good, up to 1095. 0, for ever, by default.",
    }),
    PasswordReusePrevention: optional({
      schema: integerText(PASSWORD_POLICY_LIMITS.reusePrevention),
      description: "How many of its last passwords a user may not choose again, up to 24. 0 by default.",
    }),
    MaxLoginAttemps: optional({
      schema: integerText(PASSWORD_POLICY_LIMITS.maxLoginAttempts),
      description:
        "How often one may try to log on within an hour, up to 32. 5 by default; 0 is as often as one likes.",
    }),
  },
  result: passwordPolicyResult,
  recordedResult: [],
  errors: ["InvalidParameter.MinimumPasswordLength.Range"],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:SetPasswordPolicy")],
  async handle(context, parameters) {
    const { guard, db, principal } = context;
    const { accountId } = principal;
    const byDefault = DEFAULT_PASSWORD_POLICY;
    const policy: PasswordPolicy = {
      minimumLength: parameters.MinimumPasswordLength ?? byDefault.minimumLength,
      requireLowercase: parameters.RequireLowercaseCharacters ?? byDefault.requireLowercase,
      requireUppercase: parameters.RequireUppercaseCharacters ?? byDefault.requireUppercase,
      requireNumbers: parameters.RequireNumbers ?? byDefault.requireNumbers,
      requireSymbols: parameters.RequireSymbols ?? byDefault.requireSymbols,
      hardExpiry: parameters.HardExpiry ?? byDefault.hardExpiry,
      maxAgeDays: parameters.MaxPasswordAge ?? byDefault.maxAgeDays,
      reusePrevention: parameters.PasswordReusePrevention ?? byDefault.reusePrevention,
      maxLoginAttempts: parameters.MaxLoginAttemps ?? byDefault.maxLoginAttempts,
    };
    const { stored } = await loadSettings(context);
    const row = toPasswordPolicyRow(accountId, policy);
    return {
      result: toPasswordPolicyResult(policy),
      changes: [
        stored.passwordPolicy === undefined
          ? passwordPolicyTable.insert(guard, db, row)
          : passwordPolicyTable.update(guard, db, stored.passwordPolicy, row),
      ],
      touched: [touchedSettings(accountId)],
    };
  },
});

function requirement(what: string): Parameter<boolean, "optional"> {
  return optional({ schema: booleanText, description: `Whether a password must have ${what}. false by default.` });
}
