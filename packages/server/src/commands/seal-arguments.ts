import { UsageError } from "../operator-error.ts";
import { parseSeal, parseSecretInput, type SealSource, type SecretInput } from "../seal/index.ts";

export const TO_UNSEAL_FROM = "--to-unseal-from";

/** The seal that a flag of a command names, if it is given. @throws UsageError */
export function sealOf(flag: string, text: string | undefined, data: string): SealSource | undefined {
  if (text === undefined) return undefined;
  try {
    return parseSeal(text)(data);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`${flag}: "${text}" is wrong: ${error.message}.`, { cause: error });
  }
}

/** What {@link TO_UNSEAL_FROM} names, if it is given. @throws UsageError */
export function inputOf(text: string | undefined): SecretInput | undefined {
  if (text === undefined) return undefined;
  const input = parseSecretInput(text);
  if (input === undefined)
    throw new UsageError(`${TO_UNSEAL_FROM}: "${text}" is wrong: not terminal, file:PATH or fd:N.`);
  return input;
}
