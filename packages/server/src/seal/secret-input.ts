import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";

import { SecretBytes } from "@cinnabar/crypto";

import { fileError } from "../data-directory/file-error.ts";
import { OperatorError } from "../operator-error.ts";
import { Terminal } from "./terminal.ts";

/** Where a passphrase or shares come from. Never an argument: other users of the machine could read it. */
export type SecretInput =
  | { readonly kind: "terminal" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

/** Room for 255 shares. */
const MAX_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Parses `terminal`, `file:PATH` or `fd:N`; `undefined` if it is none of them. */
export function parseSecretInput(text: string): SecretInput | undefined {
  if (text === "terminal") return { kind: "terminal" };
  const [, path] = /^file:(.+)$/s.exec(text) ?? [];
  if (path !== undefined) return { kind: "file", path };
  const [, digits] = /^fd:([0-9]{1,4})$/.exec(text) ?? [];
  return digits === undefined ? undefined : { kind: "fd", fd: Number(digits) };
}

/** Gives a passphrase, or shares one after the other, out of one input. What it gives is the caller's to clear. */
export class SecretReader implements Disposable {
  readonly #input: SecretInput;
  readonly #terminal = new Terminal();
  #lines: SecretBytes[] | undefined;

  constructor(input: SecretInput) {
    this.#input = input;
  }

  get isTerminal(): boolean {
    return this.#input.kind === "terminal";
  }

  /**
   * The whole input but for a line end at its end.
   *
   * @param question - for a terminal; asked again with `repeat` where a slip would be found too late.
   * @throws OperatorError if there is nothing to be had.
   */
  async passphrase(question: string, repeat?: string): Promise<SecretBytes> {
    if (this.#input.kind !== "terminal") {
      const all = await readAll(this.#input);
      const end = lineEnd(all.bytes, all.bytes.length);
      if (end > 0) return new SecretBytes(all.bytes.subarray(0, end));
      throw new OperatorError(`There is no passphrase in ${describe(this.#input)}.`);
    }
    const passphrase = await this.#terminal.ask(question);
    if (repeat === undefined) return passphrase;
    using again = await this.#terminal.ask(repeat);
    if (Buffer.from(again.bytes.buffer, again.bytes.byteOffset, again.bytes.length).equals(passphrase.bytes)) {
      return passphrase;
    }
    passphrase[Symbol.dispose]();
    throw new OperatorError("The two passphrases are not the same; nothing was changed.");
  }

  /** The next line, or what is typed. @throws OperatorError if there is nothing left. */
  async share(question: string): Promise<SecretBytes> {
    if (this.#input.kind === "terminal") return this.#terminal.ask(question);
    this.#lines ??= await readLines(this.#input);
    const line = this.#lines.shift();
    if (line === undefined) throw new OperatorError(`There are not enough shares in ${describe(this.#input)}.`);
    return line;
  }

  /** Whether {@link SecretReader.share} has more to give without asking anybody. */
  async hasMoreShares(): Promise<boolean> {
    if (this.#input.kind === "terminal") return false;
    this.#lines ??= await readLines(this.#input);
    return this.#lines.length > 0;
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines ?? []) line[Symbol.dispose]();
    this.#terminal[Symbol.dispose]();
  }
}

type StoredInput = Exclude<SecretInput, { readonly kind: "terminal" }>;

async function readLines(input: StoredInput): Promise<SecretBytes[]> {
  using all = await readAll(input);
  const lines: SecretBytes[] = [];
  let start = 0;
  while (start < all.bytes.length) {
    const feed = all.bytes.indexOf(LINE_FEED, start);
    const next = feed < 0 ? all.bytes.length : feed + 1;
    const line = all.bytes.subarray(start, start + lineEnd(all.bytes.subarray(start, next), next - start));
    if (line.length > 0) lines.push(new SecretBytes(new Uint8Array(line)));
    start = next;
  }
  return lines;
}

function lineEnd(bytes: Uint8Array, length: number): number {
  let end = length;
  if (end > 0 && bytes[end - 1] === LINE_FEED) end--;
  if (end > 0 && bytes[end - 1] === CARRIAGE_RETURN) end--;
  return end;
}

async function readAll(input: StoredInput): Promise<SecretBytes<Buffer>> {
  const chunks: Buffer[] = [];
  let total = 0;
  try {
    const stream =
      input.kind === "fd"
        ? createReadStream("", { fd: input.fd, autoClose: false })
        : (await open(input.path)).createReadStream();
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError("the stream has an encoding");
      chunks.push(chunk);
      total += chunk.length;
      if (total > MAX_BYTES) throw new OperatorError(`${describe(input)} holds more than passphrases and shares are.`);
    }
    return new SecretBytes(Buffer.concat(chunks, total));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw fileError(`${describe(input)} cannot be read`, error);
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}

function describe(input: StoredInput): string {
  return input.kind === "fd" ? `the file descriptor ${input.fd}` : input.path;
}
