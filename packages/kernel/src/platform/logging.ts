import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger } from "pino";

/** Levels of the setting, from the most talkative. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

// Nothing secret is ever given to the logger. This list is the second net, for the day somebody does.
const SECRET_FIELDS = [
  "AccessKeySecret",
  "accessKeySecret",
  "Authorization",
  "authorization",
  "Plaintext",
  "plaintext",
  "PrivateKeyData",
  "SecretData",
  "SecurityToken",
  "securityToken",
  "Signature",
  "signature",
  "KeyMaterial",
  "keyMaterial",
  "password",
];

/**
 * A logger that writes one JSON object a line: `level` and `time` (RFC 3339) as text, `msg`, and the fields given.
 *
 * @param options.now - milliseconds since 1970, for `time`.
 */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly destination: DestinationStream;
  readonly now: () => number;
}): Logger {
  const { level, destination, now } = options;
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" },
    },
    destination,
  );
}
