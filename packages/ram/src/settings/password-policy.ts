import { z } from "zod";

/** What an account asks of its users' passwords. */
export interface PasswordPolicy {
  readonly minimumLength: number;
  readonly requireLowercase: boolean;
  readonly requireUppercase: boolean;
  readonly requireNumbers: boolean;
  readonly requireSymbols: boolean;
  /** Whether an administrator has to replace a password whose time is over, instead of its user. */
  readonly hardExpiry: boolean;
  /** Days; 0 is for ever. */
  readonly maxAgeDays: number;
  /** How many of its last passwords a user may not choose again, the present one included. */
  readonly reusePrevention: number;
  /** Attempts to log on within an hour; 0 is as many as one likes. */
  readonly maxLoginAttempts: number;
}

/** What holds until an account says otherwise, and for what it leaves out (SDK, "SetPasswordPolicy"). */
export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  minimumLength: 8,
  requireLowercase: false,
  requireUppercase: false,
  requireNumbers: false,
  requireSymbols: false,
  hardExpiry: false,
  maxAgeDays: 0,
  reusePrevention: 0,
  maxLoginAttempts: 5,
};

/** Largest values (RAM, "SetPasswordPolicy"). */
export const PASSWORD_POLICY_LIMITS = {
  minimumLength: { min: 8, max: 32 },
  maxAgeDays: { min: 0, max: 1095 },
  reusePrevention: { min: 0, max: 24 },
  maxLoginAttempts: { min: 0, max: 32 },
} as const;

/** What a password must have and has not, as the end of "The password must have ...", or `undefined` if nothing. */
export function weakness(password: string, policy: PasswordPolicy): string | undefined {
  if (password.length < policy.minimumLength) return `at least ${policy.minimumLength} characters`;
  if (policy.requireLowercase && !/[a-z]/.test(password)) return "a lowercase letter";
  if (policy.requireUppercase && !/[A-Z]/.test(password)) return "an uppercase letter";
  if (policy.requireNumbers && !/[0-9]/.test(password)) return "a digit";
  if (policy.requireSymbols && !/[^A-Za-z0-9]/.test(password)) return "a character that is no letter and no digit";
  return undefined;
}

/** What the operations on the password policy answer. */
export const passwordPolicyResult = z.object({
  PasswordPolicy: z.object({
    MinimumPasswordLength: z.int(),
    RequireLowercaseCharacters: z.boolean(),
    RequireUppercaseCharacters: z.boolean(),
    RequireNumbers: z.boolean(),
    RequireSymbols: z.boolean(),
    HardExpiry: z.boolean(),
    MaxPasswordAge: z.int(),
    PasswordReusePrevention: z.int(),
    MaxLoginAttemps: z.int(),
  }),
});

export function toPasswordPolicyResult(policy: PasswordPolicy): z.infer<typeof passwordPolicyResult> {
  return {
    PasswordPolicy: {
      MinimumPasswordLength: policy.minimumLength,
      RequireLowercaseCharacters: policy.requireLowercase,
      RequireUppercaseCharacters: policy.requireUppercase,
      RequireNumbers: policy.requireNumbers,
      RequireSymbols: policy.requireSymbols,
      HardExpiry: policy.hardExpiry,
      MaxPasswordAge: policy.maxAgeDays,
      PasswordReusePrevention: policy.reusePrevention,
      MaxLoginAttemps: policy.maxLoginAttempts,
    },
  };
}
