import type { State } from "./state.ts";

/**
 * Numbers the parts that states are made of, so that a state's key is a few numbers instead of its whole text.
 * Many states share few different parts (the "collapse" compression of G. J. Holzmann's SPIN).
 */
export class Collapse {
  readonly #byText = new Map<string, number>();
  readonly #byPart = new WeakMap<object, number>();

  /** Equal parts, and only they, have equal numbers. */
  numberOf(part: object): number {
    let number = this.#byPart.get(part);
    if (number === undefined) {
      const text = JSON.stringify(part);
      number = this.#byText.get(text) ?? this.#byText.size;
      this.#byText.set(text, number);
      this.#byPart.set(part, number);
    }
    return number;
  }

  /** Equal states, and only they, have equal keys. */
  keyOf(state: State): string {
    let key = `${this.numberOf(state.store)} ${this.numberOf(state.history)} ${this.numberOf(state.faults)}`;
    key += ` ${this.numberOf(state.pendingControls)} ${this.numberOf(state.committedControls)}`;
    key += state.control === undefined ? " -" : ` ${this.numberOf(state.control)}`;
    key += state.standby === undefined ? " -" : ` ${this.numberOf(state.standby)}`;
    for (const shard of state.shards) key += ` ${this.numberOf(shard)}`;
    for (const process of state.processes) key += `,${this.numberOf(process)}`;
    for (const statement of state.statements) key += `;${this.numberOf(statement)}`;
    return key;
  }
}
