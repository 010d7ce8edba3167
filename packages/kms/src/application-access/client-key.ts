import { z } from "zod";

/** What an application proves itself with: a private key that it alone has, and a certificate of it. */
export interface ClientKey {
  readonly id: string;
  readonly accountId: string;
  /** The name of the access point that it is of. */
  readonly accessPoint: string;
  /** That access point's. */
  readonly incarnation: string;
  /** DER. */
  readonly certificate: Uint8Array;
  /** Between which store milliseconds it may be used. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Store milliseconds. */
  readonly createdAt: number;
}

/** The one algorithm of client keys (Alibaba Cloud SDK, "CreateClientKey"). */
export const CLIENT_KEY_ALGORITHM = "RSA_2048";
/** Who makes client keys. */
export const CLIENT_KEY_ORIGIN = "KMS_PROVIDED";

/** Most client keys of an access point. No limit is published. */
export const MAX_CLIENT_KEYS = 100;

const PASSWORD_CHARACTERS = { min: 8, max: 64 } as const;
const PASSWORD = /^[A-Za-z0-9~!@#$%^&*?_-]+$/;
const CLASSES = [/[0-9]/, /[A-Za-z]/, /[~!@#$%^&*?_-]/];
const PASSWORD_ADVICE = `It must have ${PASSWORD_CHARACTERS.min} to ${PASSWORD_CHARACTERS.max} characters, of at least two kinds: digits, letters, and ~!@#$%^&*?_-.`;

/** A password that encrypts a private key (Alibaba Cloud SDK, "CreateClientKey"). */
export const clientKeyPassword: z.ZodType<string> = z
  .string()
  .min(PASSWORD_CHARACTERS.min, PASSWORD_ADVICE)
  .max(PASSWORD_CHARACTERS.max, PASSWORD_ADVICE)
  .regex(PASSWORD, PASSWORD_ADVICE)
  .refine((text) => CLASSES.filter((kind) => kind.test(text)).length >= 2, PASSWORD_ADVICE);

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const INSTANT_ADVICE = "It must be an instant in UTC, as yyyy-MM-ddTHH:mm:ssZ.";

/** An instant as the API writes it; the value is in milliseconds since 1970. */
export const instant: z.ZodType<number> = z.string().transform((text, { issues }) => {
  const millis = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 30 February for the first days of March.
  if (!Number.isNaN(millis) && new Date(millis).toISOString() === text.replace("Z", ".000Z")) return millis;
  issues.push({ code: "custom", input: text, message: INSTANT_ADVICE });
  return z.NEVER;
});

/** How long a client key is valid whose maker does not say (Alibaba Cloud SDK, "CreateClientKey"). */
const DEFAULT_YEARS = 5;

/** Five years from now, to the second. */
export function defaultNotAfter(now: number): number {
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + DEFAULT_YEARS);
  return wholeSecond(end.getTime());
}

/** Certificates, and the API, know whole seconds only. */
export function wholeSecond(millis: number): number {
  return Math.floor(millis / 1000) * 1000;
}
