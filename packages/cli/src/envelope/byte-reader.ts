/** Takes bytes off the front of a stream, and then gives what is left of it. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array, unknown>;
  #buffered = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, or as many as there are before the end. */
  async read(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) {
      const next = await this.#source.next();
      if (next.done === true) break;
      this.#buffered = Buffer.concat([this.#buffered, next.value]);
    }
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    yield this.#buffered;
    yield* { [Symbol.asyncIterator]: () => this.#source };
  }
}
