import { type PublishedError, UNRECORDED } from "./published-errors.ts";
import type { Body, CallParameters } from "./official-client.ts";

/** Parameters and results that may stand in no event, log or metric; what the server does not know at all is one too. */
const SECRET_NAMES = [
  "Plaintext",
  "CiphertextBlob",
  "ClientToken",
  "Password",
  "PrivateKeyData",
  "EncryptedKeyMaterial",
  "ImportToken",
  "OldPassword",
  "NewPassword",
  "AccessKeySecret",
  "SecurityToken",
  "OIDCToken",
  "Base32StringSeed",
  "QRCodePNG",
];
/** Objects of answers that have such results in them. */
const SECRET_OBJECTS = ["AccessKey", "Credentials", "VirtualMFADevice"];
/** Shorter texts might occur by chance. */
const MIN_SECRET_CHARACTERS = 16;

interface LedgerEntry {
  readonly eventName: string;
  readonly errorCode: string | undefined;
}

/** What was called and answered, as the callers know it, to be compared with what the server says. */
export class Ledger {
  /** The events that must be there, by their ids. */
  readonly recorded = new Map<string, LedgerEntry>();
  readonly secrets = new Set<string>();

  note({ action, parameters, body }: { action: string; parameters: CallParameters; body: Body }): void {
    for (const name of SECRET_NAMES) {
      this.#keepSecret(parameters[name]);
      this.#keepSecret(body[name]);
      for (const object of SECRET_OBJECTS) this.#keepSecret((body[object] as Body | undefined)?.[name]);
    }
    const errorCode = body["Code"] as PublishedError | undefined;
    const isRecorded = errorCode === undefined ? action !== "DescribeRegions" : !UNRECORDED.has(errorCode);
    if (!isRecorded) return;
    this.recorded.set(String(body["RequestId"]), { eventName: action, errorCode });
  }

  #keepSecret(value: unknown): void {
    if (typeof value === "string" && value.length >= MIN_SECRET_CHARACTERS) this.secrets.add(value);
  }
}

/** The secrets that occur in a text, in one pass; those too short to mean anything are left out. Bytes are Latin-1. */
export function findSecrets(text: string, secrets: Iterable<string>): Set<string> {
  const searchable = [...secrets].filter(({ length }) => length >= MIN_SECRET_CHARACTERS);
  const byStart = Map.groupBy(searchable, (secret) => secret.slice(0, MIN_SECRET_CHARACTERS));
  const found = new Set<string>();
  for (let at = 0; at <= text.length - MIN_SECRET_CHARACTERS; at++) {
    const candidates = byStart.get(text.slice(at, at + MIN_SECRET_CHARACTERS)) ?? [];
    for (const secret of candidates) if (text.startsWith(secret, at)) found.add(secret);
  }
  return found;
}
