import { Lru } from "@cinnabar/kernel";

interface Remembered<T> {
  readonly document: string;
  readonly compiled: T;
}

/** What is remembered of all documents of a kind may take so much, in bytes. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_DOCUMENTS = 5_000;

/**
 * What the documents of policies were compiled to that were asked for last. Whoever looks at all policies of an account reads
 * their rows, whose MACs say that these are the documents, and parses none of them again.
 */
export class CompiledDocuments<T extends { readonly bytes: number }> {
  readonly #remembered = new Lru<string, Remembered<T>>(MAX_DOCUMENTS, {
    of: ({ document, compiled }) => 2 * document.length + compiled.bytes,
    most: MAX_BYTES,
  });

  /** @param id - whose document it is: of each the last one is remembered. */
  compile(id: string, document: string, compile: () => T): T {
    const known = this.#remembered.get(id);
    if (known?.document === document) return known.compiled;
    const compiled = compile();
    this.#remembered.set(id, { document, compiled });
    return compiled;
  }
}
