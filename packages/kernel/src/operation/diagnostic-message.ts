import { timingSafeEqual } from "node:crypto";
import { lengthPrefixed } from "@cinnabar/crypto";
import { z } from "zod";
import type { RowGuard } from "../store/row-guard.ts";

const diagnosis = z.object({
  action: z.string(),
  resource: z.string(),
  /** What was known of the call, by the names of condition keys. */
  conditions: z.record(z.string(), z.string()),
  principal: z.object({ type: z.string(), name: z.string(), accountId: z.string() }),
  /** Whose policies refused first, as `AccessDeniedDetail` names them. */
  policyType: z.string(),
  isExplicit: z.boolean(),
  /** The policy with the statement that denies, if one does. */
  policy: z.object({ type: z.string(), name: z.string(), version: z.string().optional() }).optional(),
  /** Store time of the refusal in milliseconds since 1970. */
  refusedAt: z.int(),
});

/** Why a call was refused, for whoever may have it decoded. */
export type Diagnosis = z.infer<typeof diagnosis>;

const VERSION = 1;
const MAC_BYTES = 32;
const HEADER_BYTES = 1 + MAC_BYTES;
/** Parts the MAC from those of rows, which begin with a table's name. */
const PURPOSE = "diagnostic message";

/**
 * A diagnosis as text: base64url of a version byte (1), an HMAC-SHA-256 and the diagnosis as JSON. It is authenticated, so
 * that nobody can have the server tell what it never found, and not secret: the caller was told as much.
 */
export function encodeDiagnosis(guard: RowGuard, content: Diagnosis): string {
  const json = Buffer.from(JSON.stringify(content));
  return Buffer.concat([Buffer.of(VERSION), macOf(guard, json), json]).toString("base64url");
}

/** The inverse of {@link encodeDiagnosis}; `undefined` for what this deployment did not write. */
export function decodeDiagnosis(guard: RowGuard, text: string): Diagnosis | undefined {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length <= HEADER_BYTES || bytes[0] !== VERSION || bytes.toString("base64url") !== text) return undefined;
  const json = bytes.subarray(HEADER_BYTES);
  if (!timingSafeEqual(bytes.subarray(1, HEADER_BYTES), macOf(guard, json))) return undefined;
  return diagnosis.parse(JSON.parse(json.toString()));
}

function macOf(guard: RowGuard, json: Uint8Array): Buffer {
  return guard.mac(lengthPrefixed([PURPOSE, json]));
}
