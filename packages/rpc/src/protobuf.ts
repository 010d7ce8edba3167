/** What a field of a message holds. */
export type FieldKind = "string" | "bytes" | "int32" | "bool" | "strings";

/** A field of a message: its number and what it holds. `strings` is a repeated string, the others stand once. */
export interface Field {
  readonly number: number;
  readonly kind: FieldKind;
}

/** The fields of a message by their names. None of the messages here holds another one. */
export type Message = Readonly<Record<string, Field>>;

/** A field's value: text for a string, a number for an int32. */
export type FieldValue = string | number | boolean | Uint8Array | readonly string[];

/** Bytes that are no message in Protocol Buffers' encoding. The message says where, and nothing of what stands there. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** Wire types (Protocol Buffers, "Encoding"). Groups, 3 and 4, are of proto2. */
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** 64 bits take ten groups of seven. */
const MAX_VARINT_BYTES = 10;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** Most fields of a message, those included that it does not name: the longest message here has twelve. */
const MAX_FIELDS = 64;

/** Whether a field of this kind is written with a length. */
function isDelimited(kind: FieldKind): boolean {
  return kind === "string" || kind === "bytes" || kind === "strings";
}

/**
 * Reads a message of proto3. Fields that it does not name are passed over, of one that comes again the last holds, and one
 * that has its default value is the same as one that is left out, all as Protocol Buffers has it.
 *
 * @returns what stands there, without what has its default value. Bytes share the memory of `encoded`.
 * @throws {@link ProtobufError} for what no encoder writes: a wire type that does not fit, text that is not UTF-8, an int32
 *   beyond 32 bits, a truncated field; and for more than 64 fields.
 */
export function decodeMessage(message: Message, encoded: Uint8Array): ReadonlyMap<string, FieldValue> {
  const byNumber = new Map(Object.entries(message).map(([name, field]) => [field.number, { name, ...field }]));
  const values = new Map<string, FieldValue>();
  const reader = new Reader(encoded);
  for (let fields = 1; !reader.isAtEnd; fields++) {
    if (fields > MAX_FIELDS) reader.fail(`there are more than ${MAX_FIELDS} fields`);
    const { number, wireType } = reader.tag();
    const field = byNumber.get(number);
    if (field === undefined) {
      reader.skip(wireType);
      continue;
    }
    if (wireType !== (isDelimited(field.kind) ? LENGTH_DELIMITED : VARINT)) reader.fail("a field is of another type");
    const value = readValue(reader, field.kind);
    if (field.kind === "strings") values.set(field.name, [...stringsOf(values.get(field.name)), String(value)]);
    else if (isDefault(value)) values.delete(field.name);
    else values.set(field.name, value);
  }
  return values;
}

/**
 * Writes a message of proto3: fields in the order of their numbers, without those that have their default value.
 *
 * @throws RangeError for a value that its field cannot hold.
 */
export function encodeMessage(message: Message, values: ReadonlyMap<string, FieldValue>): Buffer {
  const parts: Uint8Array[] = [];
  const fields = Object.entries(message).toSorted(([, a], [, b]) => a.number - b.number);
  for (const [name, field] of fields) {
    const value = values.get(name);
    if (value === undefined) continue;
    if (field.kind === "strings") {
      for (const text of stringsOf(value)) parts.push(...delimited(field.number, Buffer.from(text)));
    } else if (!isDefault(value)) {
      parts.push(...encodeField(name, field, value));
    }
  }
  return Buffer.concat(parts);
}

function readValue(reader: Reader, kind: FieldKind): string | number | boolean | Uint8Array {
  switch (kind) {
    case "string":
    case "strings":
      return reader.text();
    case "bytes":
      return reader.delimited();
    case "int32":
      return reader.int32();
    case "bool":
      return reader.varint() !== 0n;
  }
}

function encodeField(name: string, { number, kind }: Field, value: FieldValue): Uint8Array[] {
  if (kind === "string" && typeof value === "string") return delimited(number, Buffer.from(value));
  if (kind === "bytes" && value instanceof Uint8Array) return delimited(number, value);
  if (kind === "bool" && typeof value === "boolean") return [varint(tagOf(number, VARINT)), varint(1n)];
  if (kind === "int32" && typeof value === "number" && (value | 0) === value) {
    // A negative one is written with 64 bits.
    return [varint(tagOf(number, VARINT)), varint(BigInt.asUintN(64, BigInt(value)))];
  }
  throw new RangeError(`the field ${name} does not hold such a value`);
}

function delimited(number: number, bytes: Uint8Array): Uint8Array[] {
  return [varint(tagOf(number, LENGTH_DELIMITED)), varint(BigInt(bytes.length)), bytes];
}

function tagOf(number: number, wireType: number): bigint {
  return BigInt(number * 8 + wireType);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

function isDefault(value: FieldValue): boolean {
  return value === "" || value === 0 || value === false || (value instanceof Uint8Array && value.length === 0);
}

function stringsOf(value: FieldValue | undefined): readonly string[] {
  return typeof value === "object" && !(value instanceof Uint8Array) ? value : [];
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  tag(): { readonly number: number; readonly wireType: number } {
    const tag = this.varint();
    const number = Number(tag >> 3n);
    if (number < 1 || number > MAX_FIELD_NUMBER) this.fail("a field has no number");
    return { number, wireType: Number(tag & 7n) };
  }

  varint(): bigint {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) this.fail("a number is cut off");
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) {
        if (value >> 64n !== 0n) this.fail("a number has more than 64 bits");
        return value;
      }
    }
    return this.fail("a number has more than 64 bits");
  }

  int32(): number {
    const value = BigInt.asIntN(64, this.varint());
    if (BigInt.asIntN(32, value) !== value) this.fail("a number has more than 32 bits");
    return Number(value);
  }

  delimited(): Uint8Array {
    const length = this.varint();
    const rest = this.#bytes.length - this.#at;
    if (length > BigInt(rest)) this.fail("a field is cut off");
    const start = this.#at;
    this.#at += Number(length);
    return this.#bytes.subarray(start, this.#at);
  }

  text(): string {
    const bytes = this.delimited();
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.fail("a text is not UTF-8");
    }
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === LENGTH_DELIMITED) this.delimited();
    else if (wireType === FIXED_64) this.#pass(8);
    else if (wireType === FIXED_32) this.#pass(4);
    else this.fail("a field is of a type that proto3 does not have");
  }

  #pass(bytes: number): void {
    if (bytes > this.#bytes.length - this.#at) this.fail("a field is cut off");
    this.#at += bytes;
  }

  fail(what: string): never {
    throw new ProtobufError(`${what}, before byte ${Math.min(this.#at, this.#bytes.length)}`);
  }
}
