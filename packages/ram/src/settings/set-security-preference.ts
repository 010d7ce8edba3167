import { booleanText, defineOperation, integerText, optional, type Parameter } from "@cinnabar/kernel";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { securityPreferenceTable, toSecurityPreferenceRow, touchedSettings } from "./identity-settings.ts";
import { loadSettings } from "./load-settings.ts";
import { networkMasks } from "./network-masks.ts";
import {
  DEFAULT_SECURITY_PREFERENCE,
  type SecurityPreference,
  securityPreferenceResult,
  toSecurityPreferenceResult,
} from "./security-preference.ts";

export const setSecurityPreference = defineOperation({
  ...ram,
  name: "SetSecurityPreference",
  summary: "Says what the account's users may do to their own, and how they log on. What is left out is as by default.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    AllowUserToChangePassword: preference("users may change their passwords", true),
    AllowUserToManageAccessKeys: preference("users may manage their AccessKeys in the console", false),
    AllowUserToManageMFADevices: preference("users may manage their MFA devices in the console", true),
    AllowUserToManagePublicKeys: preference("users may manage their public keys, of which there are none", false),
    EnableSaveMFATicket: preference("a browser that has shown a second factor is trusted for seven days", false),
    LoginNetworkMasks: optional({
      schema: networkMasks,
      description: "The networks that users log on from, separated by semicolons. From anywhere by default.",
    }),
    LoginSessionDuration: optional({
      schema: integerText({ min: 1, max: 24 }),
      description: "For how many hours users stay logged on, from 1 to 24. 6 by default.",
    }),
  },
  result: securityPreferenceResult,
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:SetSecurityPreference")],
  async handle(context, parameters) {
    const { guard, db, principal } = context;
    const { accountId } = principal;
    const byDefault = DEFAULT_SECURITY_PREFERENCE;
    const next: SecurityPreference = {
      usersChangePassword: parameters.AllowUserToChangePassword ?? byDefault.usersChangePassword,
      usersManageAccessKeys: parameters.AllowUserToManageAccessKeys ?? byDefault.usersManageAccessKeys,
      usersManageMfaDevices: parameters.AllowUserToManageMFADevices ?? byDefault.usersManageMfaDevices,
      usersManagePublicKeys: parameters.AllowUserToManagePublicKeys ?? byDefault.usersManagePublicKeys,
      saveMfaTicket: parameters.EnableSaveMFATicket ?? byDefault.saveMfaTicket,
      loginNetworkMasks: parameters.LoginNetworkMasks,
      loginSessionHours: parameters.LoginSessionDuration ?? byDefault.loginSessionHours,
    };
    const { stored } = await loadSettings(context);
    const row = toSecurityPreferenceRow(accountId, next);
    return {
      result: toSecurityPreferenceResult(next),
      changes: [
        stored.securityPreference === undefined
          ? securityPreferenceTable.insert(guard, db, row)
          : securityPreferenceTable.update(guard, db, stored.securityPreference, row),
      ],
      touched: [touchedSettings(accountId)],
    };
  },
});

function preference(what: string, byDefault: boolean): Parameter<boolean, "optional"> {
  return optional({ schema: booleanText, description: `Whether ${what}. ${byDefault} by default.` });
}
