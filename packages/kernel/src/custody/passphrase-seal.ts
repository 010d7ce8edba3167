import { argon2, createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import { SecretBytes } from "@cinnabar/crypto";
import { z } from "zod";

import { SealError } from "./seal.ts";
import { damaged, type SealParameters } from "./sealed-root-key.ts";
import { type MadeWrappingKey, WrappedSeal, type WrappingKeySource } from "./wrapped-seal.ts";

/** Shortest passphrase that a root key is sealed with, in bytes: whoever has the file may try as many as they like. */
const MIN_PASSPHRASE_BYTES = 12;

/** The second of the two parameter sets that RFC 9106, section 4, recommends: 64 MiB, 3 passes, 4 lanes, 128-bit salt. */
const NEW_PARAMETERS = { memoryKiB: 65_536, passes: 3, parallelism: 4 } as const;
const SALT_BYTES = 16;
const WRAPPING_KEY_BYTES = 32;

// The bounds keep an altered file from costing more than a start may.
const schema = z.strictObject({
  salt: z.base64().length(24),
  memoryKiB: z.int().min(8_192).max(4_194_304),
  passes: z.int().min(1).max(64),
  parallelism: z.int().min(1).max(16),
});

/** Asks for a passphrase: the one there is, or a new one. What it gives is cleared after use. */
export type AskForPassphrase = (which: "present" | "new") => Promise<SecretBytes>;

/** Keeps the root key in a file under a passphrase: argon2id (RFC 9106) makes the wrapping key. */
export class PassphraseSeal extends WrappedSeal {
  constructor(path: string, ask: AskForPassphrase) {
    super(path, new PassphraseSource(ask));
  }
}

class PassphraseSource implements WrappingKeySource {
  readonly kind = "passphrase";
  readonly isForOneRootKey = false;
  readonly #ask: AskForPassphrase;

  constructor(ask: AskForPassphrase) {
    this.#ask = ask;
  }

  async make(): Promise<MadeWrappingKey> {
    const passphrase = await this.#ask("new");
    try {
      if (passphrase.bytes.length < MIN_PASSPHRASE_BYTES) {
        throw new SealError(
          "notGiven",
          `A passphrase for the root key has at least ${MIN_PASSPHRASE_BYTES} characters; five random words are a good one.`,
        );
      }
      const parameters = { salt: randomBytes(SALT_BYTES).toString("base64"), ...NEW_PARAMETERS };
      return {
        key: await deriveWrappingKey(passphrase.bytes, parameters),
        parameters,
        findAgain: () => deriveWrappingKey(passphrase.bytes, parameters),
        [Symbol.dispose]: () => passphrase[Symbol.dispose](),
      };
    } catch (error) {
      passphrase[Symbol.dispose]();
      throw error;
    }
  }

  async find(parameters: SealParameters, { path }: { readonly path: string }): Promise<KeyObject> {
    const parsed = schema.safeParse(parameters);
    if (!parsed.success) throw damaged(path, "its parameters are not those of a passphrase");
    using passphrase = await this.#ask("present");
    return await deriveWrappingKey(passphrase.bytes, parsed.data);
  }

  wrong(path: string): string {
    return `The passphrase is not the one that ${path} is sealed with; nothing was changed.`;
  }
}

/**
 * Argon2id (RFC 9106), version 1.3, without secret and associated data, 32 bytes, on the thread pool.
 *
 * @param parameters.salt - in base64.
 */
export function deriveWrappingKey(passphrase: Uint8Array, parameters: z.output<typeof schema>): Promise<KeyObject> {
  const { salt, memoryKiB, passes, parallelism } = parameters;
  return new Promise((resolve, reject) => {
    const input = {
      message: passphrase,
      nonce: Buffer.from(salt, "base64"),
      parallelism,
      tagLength: WRAPPING_KEY_BYTES,
      memory: memoryKiB,
      passes,
    };
    argon2("argon2id", input, (error, bytes) => {
      if (error !== null) {
        reject(error);
        return;
      }
      using derived = new SecretBytes(bytes);
      resolve(createSecretKey(derived.bytes));
    });
  });
}
