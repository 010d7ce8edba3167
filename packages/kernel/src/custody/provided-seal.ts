import { SecretBytes } from "@cinnabar/crypto";

import { decodeRootKeyFile, ROOT_KEY_FILE_BYTES } from "./root-key-file.ts";
import type { RootKey } from "./root-key.ts";
import { type Seal, SealError, type StagedSeal } from "./seal.ts";

const LINE_FEED = 0x0a;

/** Longest text that {@link ProvidedSeal} looks at. */
export const MAX_PROVIDED_BYTES = ROOT_KEY_FILE_BYTES + 1;

/**
 * A root key that somebody else keeps and hands over at start, such as an orchestrator: the text of a root key file,
 * of which the last line feed may be missing. Nothing is ever written.
 */
export class ProvidedSeal implements Seal {
  readonly kind: "env" | "command";
  readonly path = undefined;
  readonly rotation = undefined;
  readonly #name: string;
  readonly #read: () => Promise<SecretBytes | undefined>;

  /**
   * @param options.name - of the source, for messages.
   * @param options.read - gives the text, `undefined` if there is none. It is cleared after use.
   */
  constructor(options: {
    readonly kind: "env" | "command";
    readonly name: string;
    read(): Promise<SecretBytes | undefined>;
  }) {
    this.kind = options.kind;
    this.#name = options.name;
    this.#read = () => options.read();
  }

  describe(): string {
    return `${this.kind} ${this.#name}`;
  }

  async claim(): Promise<string | undefined> {
    return undefined;
  }

  async create(): Promise<RootKey> {
    throw new SealError(
      "notOurs",
      `There is no root key in ${this.describe()}, and only whoever keeps it can put one there. ` +
        "Make one with `cinnabar init --seal file:PATH`, hand that file over, and remove it.",
    );
  }

  async open(): Promise<RootKey | undefined> {
    using given = await this.#read();
    if (given === undefined) return undefined;
    const { bytes } = given;
    if (bytes.length !== ROOT_KEY_FILE_BYTES - 1) return decodeRootKeyFile(bytes, this.describe());
    using whole = new SecretBytes(Buffer.alloc(ROOT_KEY_FILE_BYTES, LINE_FEED));
    whole.bytes.set(bytes);
    return decodeRootKeyFile(whole.bytes, this.describe());
  }

  async stage(): Promise<StagedSeal> {
    throw new SealError(
      "notOurs",
      `Only whoever keeps ${this.describe()} can put a root key there. ` +
        "Migrate to file:PATH, hand that file over, and migrate from there.",
    );
  }

  async remove(): Promise<boolean> {
    return false;
  }

  async holding(): Promise<Seal> {
    return this;
  }
}
