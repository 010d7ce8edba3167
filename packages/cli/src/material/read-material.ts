import { createHash, createHmac, createPrivateKey } from "node:crypto";
import { KeyFormatError, parsePrivateKey, SecretBytes, Sm2PrivateKey } from "@cinnabar/crypto";
import { Failure } from "../failure.ts";
import { Input } from "../input.ts";
import type { Io } from "../io.ts";
import type { MaterialSpec } from "./material-spec.ts";

/** A private key of RSA_4096 is 3.2 KiB in PEM, one of ML_DSA_65 5.5 KiB. */
const MAX_INPUT_BYTES = 64 * 1024;
const HEX = /^(?:[0-9a-fA-F]{2})+$/;
/** Beside others: openssl writes the parameters of a curve before the key. */
const PEM = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(?<base64>[^-]+)-----END \1-----/;
const DASH = 0x2d;
const ASCII_SPACE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20]);

/** Key material as it is wrapped for its import. Disposing of it clears it. */
export class Material implements Disposable {
  readonly #bytes: SecretBytes;
  /** Of a pair, the DER of its SubjectPublicKeyInfo. */
  readonly #publicKey: Uint8Array | undefined;

  constructor(bytes: SecretBytes, publicKey?: Uint8Array) {
    this.#bytes = bytes;
    this.#publicKey = publicKey;
  }

  /** The raw bytes, the PKCS #8 of a pair, or the scalar of one of SM2. */
  get bytes(): Uint8Array {
    return this.#bytes.bytes;
  }

  /** What the service computes too (docs/import.md). @param token - the import token's bytes. */
  fingerprint(token: Uint8Array): string {
    if (this.#publicKey !== undefined) return createHash("sha256").update(this.#publicKey).digest("hex");
    return createHmac("sha256", token).update(this.bytes).digest("hex");
  }

  [Symbol.dispose](): void {
    this.#bytes[Symbol.dispose]();
  }
}

/**
 * Reads the material of a key from a file, or from the standard input: of a pair PKCS #8, in PEM or DER, or any PEM of a
 * private key that OpenSSL reads; of other keys, and of SM2's, bytes as they are or in hexadecimal digits.
 *
 * @param path - `-` for the standard input.
 * @throws Failure if it is nothing of the kind.
 */
export async function readMaterial(path: string, spec: MaterialSpec, io: Io): Promise<Material> {
  await using input = await Input.open(path, io);
  using content = new SecretBytes(await readAll(input));
  const bytes = trimmed(content.bytes);
  try {
    return spec.kind === "bytes"
      ? new Material(toRaw(content.bytes, bytes, spec.bytes))
      : toPair(content.bytes, bytes, spec.pair);
  } catch (error) {
    if (error instanceof KeyFormatError) throw new Failure(`${input.name}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function readAll(input: Input): Promise<Buffer> {
  using content = new SecretBytes(Buffer.alloc(MAX_INPUT_BYTES));
  let length = 0;
  for await (const chunk of input.bytes()) {
    const isTooLong = length + chunk.length > content.bytes.length;
    if (!isTooLong) chunk.copy(content.bytes, length);
    chunk.fill(0);
    if (isTooLong) throw new Failure(`${input.name} is too long to be a key.`);
    length += chunk.length;
  }
  return Buffer.from(content.bytes.subarray(0, length));
}

/** Without white space around it. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let [start, end] = [0, bytes.length];
  while (start < end && ASCII_SPACE.has(bytes[start] ?? 0)) start++;
  while (end > start && ASCII_SPACE.has(bytes[end - 1] ?? 0)) end--;
  return bytes.subarray(start, end);
}

function toRaw(content: Uint8Array, text: Uint8Array, length: number): SecretBytes {
  if (content.length === length) {
    // Bytes of a key that are all digits by chance there are none.
    if (HEX.test(toText(content))) {
      throw new KeyFormatError(`The ${length} hexadecimal digits are half a key: it takes ${2 * length} of them.`);
    }
    return new SecretBytes(Buffer.from(content));
  }
  if (text.length === 2 * length) {
    const digits = toText(text);
    if (HEX.test(digits)) return new SecretBytes(Buffer.from(digits, "hex"));
  }
  throw new KeyFormatError(
    `The key's material is ${length} bytes, as they are or as ${2 * length} hexadecimal digits.`,
  );
}

function toPair(
  content: Uint8Array,
  text: Uint8Array,
  spec: Extract<MaterialSpec, { kind: "pair" }>["pair"],
): Material {
  if (spec === "EC_SM2") {
    using key = toSm2(content, text);
    return new Material(new SecretBytes(key.toScalar()), key.publicKey.toSpki());
  }
  using der = toPkcs8(content, text);
  const { privateKey, publicKey } = parsePrivateKey(spec, der.bytes);
  return new Material(new SecretBytes(privateKey), publicKey);
}

const SM2_SCALAR_BYTES = 32;

function toSm2(content: Uint8Array, text: Uint8Array): Sm2PrivateKey {
  if (content.length === SM2_SCALAR_BYTES || text.length === 2 * SM2_SCALAR_BYTES) {
    using scalar = toRaw(content, text, SM2_SCALAR_BYTES);
    return Sm2PrivateKey.fromScalar(scalar.bytes);
  }
  using der = toPkcs8(content, text);
  return Sm2PrivateKey.fromPkcs8(der.bytes);
}

/** The DER in a PEM, of a private key of any form that OpenSSL reads, or the bytes as they are. */
function toPkcs8(content: Uint8Array, text: Uint8Array): SecretBytes {
  const pem = text[0] === DASH ? PEM.exec(toText(text)) : null;
  if (pem === null) return new SecretBytes(Buffer.from(content));
  const [whole, label = ""] = pem;
  if (label === "PRIVATE KEY") return new SecretBytes(Buffer.from(pem.groups?.["base64"] ?? "", "base64"));
  try {
    return new SecretBytes(createPrivateKey(whole).export({ type: "pkcs8", format: "der" }));
  } catch (error) {
    const advice = label.includes("ENCRYPTED") ? "Decrypt it first: openssl pkcs8 -in FILE -nocrypt" : "It is none.";
    throw new Failure(`A PEM of the type ${label} is not read as a private key. ${advice}`, { cause: error });
  }
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
