import { z } from "zod";

/** What an account's users may do to their own, and how they log on. */
export interface SecurityPreference {
  readonly usersChangePassword: boolean;
  readonly usersManageAccessKeys: boolean;
  readonly usersManageMfaDevices: boolean;
  readonly usersManagePublicKeys: boolean;
  readonly saveMfaTicket: boolean;
  /** Where users log on from, separated by semicolons; from anywhere if left out. */
  readonly loginNetworkMasks: string | undefined;
  readonly loginSessionHours: number;
}

/** What holds until an account says otherwise, and for what it leaves out (SDK, "SetSecurityPreference"). */
export const DEFAULT_SECURITY_PREFERENCE: SecurityPreference = {
  usersChangePassword: true,
  usersManageAccessKeys: false,
  usersManageMfaDevices: true,
  usersManagePublicKeys: false,
  saveMfaTicket: false,
  loginNetworkMasks: undefined,
  loginSessionHours: 6,
};

/** What the operations on the security preference answer. */
export const securityPreferenceResult = z.object({
  SecurityPreference: z.object({
    LoginProfilePreference: z.object({
      AllowUserToChangePassword: z.boolean(),
      EnableSaveMFATicket: z.boolean(),
      LoginNetworkMasks: z.string(),
      LoginSessionDuration: z.int(),
    }),
    AccessKeyPreference: z.object({ AllowUserToManageAccessKeys: z.boolean() }),
    MFAPreference: z.object({ AllowUserToManageMFADevices: z.boolean() }),
    PublicKeyPreference: z.object({ AllowUserToManagePublicKeys: z.boolean() }),
  }),
});

export function toSecurityPreferenceResult(preference: SecurityPreference): z.infer<typeof securityPreferenceResult> {
  return {
    SecurityPreference: {
      LoginProfilePreference: {
        AllowUserToChangePassword: preference.usersChangePassword,
        EnableSaveMFATicket: preference.saveMfaTicket,
        LoginNetworkMasks: preference.loginNetworkMasks ?? "",
        LoginSessionDuration: preference.loginSessionHours,
      },
      AccessKeyPreference: { AllowUserToManageAccessKeys: preference.usersManageAccessKeys },
      MFAPreference: { AllowUserToManageMFADevices: preference.usersManageMfaDevices },
      PublicKeyPreference: { AllowUserToManagePublicKeys: preference.usersManagePublicKeys },
    },
  };
}
