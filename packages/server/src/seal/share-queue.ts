import type { SecretBytes } from "@cinnabar/crypto";
import type { SealError, ShareGiver, SharesGiven } from "@cinnabar/kernel";

/** Hands the shares that people give one by one, whenever they come, to the seal that waits for them. */
export class ShareQueue implements ShareGiver {
  #progress: SharesGiven = { given: 0, needed: 0 };
  readonly #waiting: Turn[] = [];
  #current: Turn | undefined;
  #arrived = Promise.withResolvers<void>();
  #end: Error | undefined;

  get progress(): SharesGiven {
    return this.#progress;
  }

  /** Gives a share, which is cleared after use. @returns how many there are then. @throws SealError if it is wrong. */
  give(text: SecretBytes): Promise<SharesGiven> {
    if (this.#end !== undefined) {
      text[Symbol.dispose]();
      return Promise.reject(this.#end);
    }
    const { given, needed } = this.#progress;
    if (needed > 0 && given >= needed) {
      // It comes too late and is not needed.
      text[Symbol.dispose]();
      return Promise.resolve(this.#progress);
    }
    const turn = { text, ...Promise.withResolvers<SharesGiven>() };
    this.#waiting.push(turn);
    this.#arrived.resolve();
    return turn.promise;
  }

  /** Lets {@link ShareQueue.next} fail, so that nobody waits any more. */
  close(reason: Error): void {
    this.#end = reason;
    this.#arrived.resolve();
    for (const { text, reject } of this.#waiting.splice(0)) {
      text[Symbol.dispose]();
      reject(reason);
    }
  }

  async next(progress: SharesGiven): Promise<SecretBytes> {
    this.#progress = progress;
    for (;;) {
      if (this.#end !== undefined) throw this.#end;
      this.#current = this.#waiting.shift();
      if (this.#current !== undefined) return this.#current.text;
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
  }

  accepted(progress: SharesGiven): void {
    this.#progress = progress;
    this.#current?.resolve(progress);
    if (progress.given < progress.needed) return;
    for (const { text, resolve } of this.#waiting.splice(0)) {
      text[Symbol.dispose]();
      resolve(progress);
    }
  }

  refused(error: SealError): void {
    this.#current?.reject(error);
  }
}

interface Turn extends PromiseWithResolvers<SharesGiven> {
  readonly text: SecretBytes;
}
