import { RootKey } from "./root-key.ts";
import { alreadyThere, SealedFile, type StagedFile } from "./sealed-file.ts";
import { type OpenedSeal, type Seal, type SealKind, type SealRotation, SealError, type StagedSeal } from "./seal.ts";

/** What the next root key's file is called, after the seal's own name. */
const NEXT = ".next";

/** How one kind of seal makes the contents of a file out of a root key, and the other way round. */
export interface SealMethod {
  readonly kind: SealKind;
  /** Longest file that can be one of this kind. */
  readonly maxBytes: number;
  /** Whether the file alone gives the root key away. */
  readonly isPrivate: boolean;
  /** As {@link Seal.claim}. @param path - for messages. */
  claim(contents: Uint8Array, path: string): string | undefined;
  seal(rootKey: RootKey): Promise<Sealing>;
  unseal(contents: Uint8Array, path: string): Promise<Unsealing>;
}

/** What sealing gave, and what is needed to see that it opens; cleared when it is disposed of. */
export interface Sealing extends Disposable {
  readonly contents: Uint8Array;
  /** Opens contents that were read back, without asking anybody again. */
  open(contents: Uint8Array, path: string): Promise<RootKey>;
}

/** What unsealing gave, and what it was done with. */
export interface Unsealing {
  readonly rootKey: RootKey;
  /** Opens the contents of another file that was sealed so, without asking anybody again. */
  openNext(contents: Uint8Array, path: string): Promise<RootKey>;
  /** Seals another root key so, without asking anybody again. */
  sealNext(rootKey: RootKey): Promise<Sealing>;
}

/** A seal that writes a file. While its root key is replaced, the next one stands in a file beside it. */
export class SealOnDisk implements Seal {
  readonly kind: SealKind;
  readonly path: string;
  readonly #method: SealMethod;
  readonly #file: SealedFile;

  constructor(path: string, method: SealMethod) {
    this.kind = method.kind;
    this.path = path;
    this.#method = method;
    this.#file = new SealedFile({ path, isPrivate: method.isPrivate });
  }

  describe(): string {
    return `${this.kind} ${this.path}`;
  }

  async claim(): Promise<string | undefined> {
    using contents = await this.#file.read(this.#method.maxBytes);
    return contents === undefined ? undefined : this.#method.claim(contents.bytes, this.path);
  }

  async create(): Promise<RootKey> {
    // Asked first, so that nobody is given shares or asked for a passphrase in vain.
    if (await this.#file.isTaken()) throw alreadyThere(this.path);
    const rootKey = RootKey.generate();
    await using staged = await this.stage(rootKey);
    if ((await staged.open()).checkValue !== rootKey.checkValue) throw notReadBack(this.path);
    await staged.publish({ replace: false });
    return rootKey;
  }

  async open(): Promise<RootKey | undefined> {
    return (await this.#unseal())?.rootKey;
  }

  async stage(rootKey: RootKey): Promise<StagedSeal> {
    return this.#stage(await this.#method.seal(rootKey));
  }

  async remove(): Promise<boolean> {
    await (await this.#next()).#file.remove();
    await this.#file.remove();
    return true;
  }

  async holding(rootKey: string): Promise<Seal> {
    // What cannot be read here cannot say so; whoever opens this one learns why.
    const says = (seal: SealOnDisk): Promise<boolean> =>
      seal.claim().then(
        (claimed) => claimed === rootKey,
        () => false,
      );
    if (await says(this)) return this;
    for (const beside of [await this.#next(), await this.#kept(rootKey)]) if (await says(beside)) return beside;
    return this;
  }

  get rotation(): SealRotation {
    return {
      open: () => this.#openForRotation(),
      claimNext: async () => (await this.#next()).claim(),
      openNext: async () => (await this.#next()).open(),
      stageNext: async (rootKey) => (await this.#next()).stage(rootKey),
      keepOther: (than) => this.#keepOther(than),
      promote: (rootKey) => this.#promote(rootKey),
      discardOther: (than) => this.#discardOther(than),
    };
  }

  async #openForRotation(): Promise<OpenedSeal | undefined> {
    const unsealed = await this.#unseal();
    if (unsealed === undefined) return undefined;
    const next = await this.#next();
    return {
      rootKey: unsealed.rootKey,
      async findNext() {
        using contents = await next.#file.read(next.#method.maxBytes);
        return contents === undefined ? undefined : await unsealed.openNext(contents.bytes, next.path);
      },
      stageNext: async (rootKey) => next.#stage(await unsealed.sealNext(rootKey)),
    };
  }

  async #keepOther(than: string): Promise<string | undefined> {
    const claimed = await this.claim();
    if (claimed === undefined || claimed === than) return undefined;
    const kept = await this.#kept(claimed);
    if ((await kept.claim()) !== claimed) await this.#file.linkTo(kept.path);
    return kept.path;
  }

  async #promote(rootKey: string): Promise<void> {
    const next = await this.#next();
    if ((await next.claim()) === rootKey) await next.#file.moveTo(await this.#file.realPath());
  }

  async #discardOther(than: string): Promise<void> {
    const next = await this.#next();
    const claimed = await next.claim();
    if (claimed !== undefined && claimed !== than) await next.#file.remove();
  }

  async #unseal(): Promise<Unsealing | undefined> {
    using contents = await this.#file.read(this.#method.maxBytes);
    return contents === undefined ? undefined : await this.#method.unseal(contents.bytes, this.path);
  }

  async #stage(sealing: Sealing): Promise<StagedSeal> {
    try {
      const file = await this.#file.stage(sealing.contents);
      return new StagedSealOnDisk({ file, sealing, path: this.path, maxBytes: this.#method.maxBytes });
    } catch (error) {
      sealing[Symbol.dispose]();
      throw error;
    }
  }

  async #next(): Promise<SealOnDisk> {
    return new SealOnDisk(`${await this.#file.realPath()}${NEXT}`, this.#method);
  }

  async #kept(rootKey: string): Promise<SealOnDisk> {
    return new SealOnDisk(`${await this.#file.realPath()}.${rootKey}`, this.#method);
  }
}

class StagedSealOnDisk implements StagedSeal {
  readonly #file: StagedFile;
  readonly #sealing: Sealing;
  readonly #path: string;
  readonly #maxBytes: number;

  constructor(parts: { file: StagedFile; sealing: Sealing; path: string; maxBytes: number }) {
    this.#file = parts.file;
    this.#sealing = parts.sealing;
    this.#path = parts.path;
    this.#maxBytes = parts.maxBytes;
  }

  async open(): Promise<RootKey> {
    using contents = await this.#file.read(this.#maxBytes);
    return await this.#sealing.open(contents.bytes, this.#path);
  }

  publish(options: { readonly replace: boolean }): Promise<void> {
    return this.#file.publish(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sealing[Symbol.dispose]();
    await this.#file[Symbol.asyncDispose]();
  }
}

/** What was written and what came back differ. */
export function notReadBack(path: string): SealError {
  return new SealError("damaged", `What was written to ${path} is not what came back. Is its disk in order?`);
}
