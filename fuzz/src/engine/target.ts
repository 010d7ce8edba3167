/** Something that takes bytes from outside, and what must hold whatever the bytes are. */
export interface Target extends AsyncDisposable {
  /** Whole inputs that mutations start from; at least one. */
  readonly seeds: readonly Uint8Array[];
  /** How many attempts are under way at once; 1 if not said. */
  readonly lanes?: number;
  /** How many bytes at the beginning of an input are never changed, since they only say what is tried. */
  fixedBytes?(input: Uint8Array): number;
  /**
   * Tries one input.
   *
   * @returns what came of it, in few words: outcomes are counted.
   * @throws whatever shows that something does not hold: a {@link Violation}, or what the code itself threw by accident.
   */
  attempt(input: Uint8Array): string | Promise<string>;
  /** Checks after some attempts, of which none is under way, what cannot be checked after each. Throws as `attempt`. */
  endRound?(): Promise<void>;
  /** Checks at the end. Throws as `attempt`. */
  finish?(): Promise<void>;
  /** Figures worth knowing. */
  figures?(): Readonly<Record<string, number>>;
}

export interface TargetDeclaration {
  readonly name: string;
  /** What is mutated, in a sentence's beginning. */
  readonly what: string;
  /** `service`: against one running server, beside those that need no server. */
  readonly group: "process" | "service";
  /** Its part of all mutations, relative to the others'. */
  readonly weight: number;
  open(): Promise<Target>;
}

/** A promise that does not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
}
