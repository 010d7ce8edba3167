import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";

import { SecretBytes } from "@cinnabar/crypto";
import { combine, split } from "shamir-secret-sharing";
import { z } from "zod";

import { SealError } from "./seal.ts";
import { checkValueSchema, damaged, type SealParameters } from "./sealed-root-key.ts";
import { decodeShare, encodeShare, SHARE_SET_BYTES, shareCheck } from "./shamir-share.ts";
import { type MadeWrappingKey, WrappedSeal, type WrappingKeySource } from "./wrapped-seal.ts";

/** Most shares there can be: a share's coordinate is one byte other than 0. */
export const MAX_SHARES = 255;
const MIN_THRESHOLD = 2;
const WRAPPING_KEY_BYTES = 32;

/** How many shares there are, and how many of them open the seal. */
export interface ShareCounts {
  readonly threshold: number;
  readonly shares: number;
}

/** Whether shares can be made so: 2 ≤ threshold ≤ shares ≤ 255. */
export function areShareCounts({ threshold, shares }: ShareCounts): boolean {
  return threshold >= MIN_THRESHOLD && threshold <= shares && shares <= MAX_SHARES;
}

const schema = z
  .strictObject({
    /** In hex. */
    set: z.string().regex(/^[0-9a-f]{16}$/),
    threshold: z.int(),
    /** Check value of each share. */
    shares: z.array(checkValueSchema),
  })
  .refine(({ threshold, shares }) => areShareCounts({ threshold, shares: shares.length }));

export interface SharesGiven {
  readonly given: number;
  readonly needed: number;
}

/** Where shares come from, one by one. What one of its functions throws ends the opening. */
export interface ShareGiver {
  /** Waits for the next share, as text. It is cleared after use. */
  next(progress: SharesGiven): Promise<SecretBytes>;
  accepted(progress: SharesGiven): void;
  /** The last share was a wrong one; it may be followed by another. */
  refused(error: SealError): void;
}

export interface ShamirSealOptions {
  /** For a new seal. Given for one that is there, it must be what that one has. */
  readonly counts: ShareCounts | undefined;
  readonly giver: ShareGiver;
  /**
   * Hands out the shares of a new seal, as text, before anything is written. Left out where nobody could receive them.
   * They are cleared afterwards.
   */
  readonly handOut: ((shares: readonly SecretBytes<Buffer>[], counts: ShareCounts) => Promise<void>) | undefined;
}

/**
 * Keeps the root key in a file under a key that is split into shares, of which some number opens it (Shamir's secret
 * sharing). Fewer tell nothing.
 */
export class ShamirSeal extends WrappedSeal {
  constructor(path: string, options: ShamirSealOptions) {
    super(path, new ShamirSource(options));
  }
}

class ShamirSource implements WrappingKeySource {
  readonly kind = "shamir";
  readonly isForOneRootKey = false;
  readonly #options: ShamirSealOptions;

  constructor(options: ShamirSealOptions) {
    this.#options = options;
  }

  async make(): Promise<MadeWrappingKey> {
    const { counts, handOut } = this.#options;
    if (counts === undefined) {
      throw new SealError(
        "notGiven",
        "A new Shamir seal needs to know how many shares there are, and how many open it: shamir:3of5, for example.",
      );
    }
    if (handOut === undefined) {
      throw new SealError(
        "notGiven",
        "Shares are handed out once, to people: make a Shamir seal with `cinnabar init` or `cinnabar seal migrate`.",
      );
    }
    const set = randomBytes(SHARE_SET_BYTES);
    // The library takes plain arrays alone.
    using secret = new SecretBytes(new Uint8Array(WRAPPING_KEY_BYTES));
    secret.bytes.set(randomBytes(WRAPPING_KEY_BYTES));
    const shares = await split(secret.bytes, counts.shares, counts.threshold);
    const texts = shares.map((share) => encodeShare({ set, share }));
    const clear = () => {
      for (const share of shares) share.fill(0);
      for (const text of texts) text[Symbol.dispose]();
    };
    try {
      const parameters = {
        set: set.toString("hex"),
        threshold: counts.threshold,
        shares: shares.map((share) => shareCheck(share)),
      };
      await handOut(texts, counts);
      return {
        key: createSecretKey(secret.bytes),
        parameters,
        findAgain: async ({ path }) => {
          using collector = new ShareCollector(parameters, path);
          for (const text of texts.slice(-counts.threshold)) collector.add(text.bytes);
          return await collector.combine();
        },
        [Symbol.dispose]: clear,
      };
    } catch (error) {
      clear();
      throw error;
    }
  }

  async find(parameters: SealParameters, { path }: { readonly path: string }): Promise<KeyObject> {
    const { counts, giver } = this.#options;
    const parsed = schema.safeParse(parameters);
    if (!parsed.success) throw damaged(path, "its parameters are not those of shares");
    const { threshold, shares } = parsed.data;
    if (counts !== undefined && (counts.threshold !== threshold || counts.shares !== shares.length)) {
      throw new SealError(
        "unknownFormat",
        `${path} is sealed with ${threshold} of ${shares.length} shares, not with ${counts.threshold} of ${counts.shares}.`,
      );
    }
    using collector = new ShareCollector(parsed.data, path);
    while (!collector.isComplete) {
      using text = await giver.next(collector.progress);
      try {
        collector.add(text.bytes);
        giver.accepted(collector.progress);
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        giver.refused(error);
      }
    }
    return await collector.combine();
  }

  wrong(path: string): string {
    return `The shares do not open ${path}; nothing was changed.`;
  }
}

/** Holds the shares given until there are enough of them, and clears them when it is disposed of. */
class ShareCollector implements Disposable {
  readonly #parameters: z.output<typeof schema>;
  readonly #path: string;
  readonly #shares = new Map<string, SecretBytes>();

  constructor(parameters: z.output<typeof schema>, path: string) {
    this.#parameters = parameters;
    this.#path = path;
  }

  get progress(): SharesGiven {
    return { given: this.#shares.size, needed: this.#parameters.threshold };
  }

  get isComplete(): boolean {
    return this.#shares.size === this.#parameters.threshold;
  }

  /** Takes a share as text. @throws SealError `wrongSecret` if it is none of this seal's, or was given before. */
  add(text: Uint8Array): void {
    const { set, share } = decodeShare(text);
    try {
      const check = shareCheck(share.bytes);
      if (set.toString("hex") !== this.#parameters.set || !this.#parameters.shares.includes(check)) {
        throw new SealError("wrongSecret", `This share belongs to another seal than ${this.#path}.`);
      }
      if (this.#shares.has(check)) throw new SealError("wrongSecret", "This share was given already.");
      this.#shares.set(check, share);
    } catch (error) {
      share[Symbol.dispose]();
      throw error;
    }
  }

  /** The secret that was split. Wrong shares would give a wrong one without a word: see {@link ShareCollector.add}. */
  async combine(): Promise<KeyObject> {
    const copies = [...this.#shares.values()].map(({ bytes }) => new Uint8Array(bytes));
    try {
      using secret = new SecretBytes(await combine(copies));
      return createSecretKey(secret.bytes);
    } finally {
      for (const copy of copies) copy.fill(0);
    }
  }

  [Symbol.dispose](): void {
    for (const share of this.#shares.values()) share[Symbol.dispose]();
    this.#shares.clear();
  }
}
