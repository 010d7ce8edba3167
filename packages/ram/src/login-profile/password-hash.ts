import { argon2, randomBytes, timingSafeEqual } from "node:crypto";

/** How a new password is hashed: what the OWASP Password Storage Cheat Sheet asks of argon2id at least. */
const NEW_PARAMETERS = { memoryKiB: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Argon2 version 1.3 (RFC 9106, section 3.2). */
const VERSION = 19;

const PHC_TEXT =
  /^\$argon2id\$v=19\$m=(?<memoryKiB>[0-9]{1,7}),t=(?<passes>[0-9]{1,2}),p=(?<parallelism>[0-9]{1,2})\$(?<salt>[A-Za-z0-9+/]{22})\$(?<hash>[A-Za-z0-9+/]{43})$/;

interface Parameters {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
}

/**
 * Hashes a password by argon2id (RFC 9106), off the event loop. It takes some 20 MiB and a twentieth of a second.
 *
 * @returns a text in the PHC string format, which says how it was made.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...NEW_PARAMETERS, salt });
  const { memoryKiB, passes, parallelism } = NEW_PARAMETERS;
  const parameters = `m=${memoryKiB},t=${passes},p=${parallelism}`;
  return `$argon2id$v=${VERSION}$${parameters}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether a password is the one that was hashed.
 *
 * @throws RangeError if `text` is nothing that {@link hashPassword} gave.
 */
export async function verifyPassword(password: string, text: string): Promise<boolean> {
  const parts = PHC_TEXT.exec(text)?.groups;
  if (parts === undefined) throw new RangeError("not a password's hash");
  const { memoryKiB, passes, parallelism, salt = "", hash = "" } = parts;
  const derived = await derive(password, {
    memoryKiB: Number(memoryKiB),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, "base64"),
  });
  return timingSafeEqual(derived, Buffer.from(hash, "base64"));
}

function derive(
  password: string,
  { memoryKiB, passes, parallelism, salt }: Parameters & { readonly salt: Uint8Array },
): Promise<Buffer> {
  const input = {
    message: Buffer.from(password),
    nonce: salt,
    parallelism,
    tagLength: HASH_BYTES,
    memory: memoryKiB,
    passes,
  };
  return new Promise((resolve, reject) => {
    argon2("argon2id", input, (error, hash) => {
      input.message.fill(0);
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
