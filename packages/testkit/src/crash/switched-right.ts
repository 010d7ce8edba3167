import { setTimeout as sleep } from "node:timers/promises";
import { CinnabarClient, type Credentials } from "@cinnabar/client";
import type { ServerProcess } from "../server-process.ts";
import { codeOf, UNAVAILABLE } from "./refusal-code.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Flip, Reading } from "./switch-history.ts";

/** A right rests between two flips for up to so many times as long as the flip took. */
const REST_FACTOR = 2;

/** Changes who may do what, through the root's client of any node. */
export type Change = (root: CinnabarClient) => Promise<unknown>;

/** Somebody's right to encrypt with a key. */
export interface Right {
  readonly credentials: Credentials;
  /** Id or ARN. */
  readonly keyId: string;
  readonly withdraw: Change;
  /** Left out where it is lost for good. */
  readonly give?: Change;
  readonly refusedAs: string;
}

/** A right seen as a switch: given is on. */
export class SwitchedRight {
  readonly flips: Flip[] = [];
  readonly readings: Reading[] = [];
  /** Refusals that have nothing to do with the right. */
  readonly unexpected: string[] = [];
  readonly #right: Right;
  readonly #servers: readonly ServerProcess[];
  readonly #changing: readonly ServerProcess[];
  readonly #random: SeededRandom;

  /** @param options.changing - those of the servers that it is withdrawn and given through. */
  constructor(
    right: Right,
    options: {
      readonly servers: readonly ServerProcess[];
      readonly changing: readonly ServerProcess[];
      readonly random: SeededRandom;
    },
  ) {
    this.#right = right;
    this.#servers = options.servers;
    this.#changing = options.changing;
    this.#random = options.random;
  }

  /**
   * Withdraws the right and gives it back, in pairs, while it is used on every node all the time.
   *
   * @param flips - at least so many, if it can be given back.
   * @returns how many.
   */
  async switchUnderLoad(flips: number): Promise<number> {
    const { credentials } = this.#right;
    const nodes = this.#servers.map(({ endpoint }) => new CinnabarClient({ endpoint, credentials }));
    const roots = this.#changing.map((server) => server.client());
    // Every node has what gives the right in memory before it is withdrawn.
    await this.#useOnAll(nodes);
    const end = new AbortController();
    const calling = nodes.map(async (node) => {
      while (!end.signal.aborted) await this.#use(node);
    });
    try {
      await this.#switch({ roots, nodes, flips });
    } finally {
      end.abort();
      await Promise.all(calling);
      for (const client of [...nodes, ...roots]) client.close();
    }
    return Math.max(this.flips.length, 1);
  }

  async #switch(options: {
    readonly roots: readonly CinnabarClient[];
    readonly nodes: readonly CinnabarClient[];
    readonly flips: number;
  }): Promise<void> {
    const { roots, nodes, flips } = options;
    const { withdraw, give } = this.#right;
    for (let pair = 0; pair < flips / 2; pair++) {
      const offMillis = await this.#flip("off", { roots, change: withdraw });
      // Beside those who call all the time: at once, and on every node.
      await this.#useOnAll(nodes);
      if (give === undefined) return;
      await this.#rest(offMillis);
      await this.#rest(await this.#flip("on", { roots, change: give }));
    }
  }

  /** @returns how long it took, in milliseconds. */
  async #flip(
    to: Flip["to"],
    { roots, change }: { readonly roots: readonly CinnabarClient[]; readonly change: Change },
  ): Promise<number> {
    const first = this.#random.pick(roots);
    const beganAt = performance.now();
    // A node that believes it is done already breaks the promise, and leaves it to the next one.
    for (const root of [first, ...roots.filter((other) => other !== first)]) {
      const code = await this.#attempt(() => change(root));
      if (code === undefined) {
        const returnedAt = performance.now();
        this.flips.push({ to, beganAt, returnedAt });
        return returnedAt - beganAt;
      }
      this.unexpected.push(`to turn it ${to} was refused with ${code}`);
    }
    return 0;
  }

  /** @returns the code of a refusal; after an answer that left it open any other one says that it was done by then. */
  async #attempt(change: () => Promise<unknown>): Promise<string | undefined> {
    let code = await codeOf(change());
    if (code !== UNAVAILABLE) return code;
    while (code === UNAVAILABLE) code = await codeOf(change());
    return undefined;
  }

  async #rest(flipMillis: number): Promise<void> {
    await sleep(this.#random.between({ least: 0, most: REST_FACTOR * flipMillis }));
  }

  async #useOnAll(nodes: readonly CinnabarClient[]): Promise<void> {
    await Promise.all(nodes.map((node) => this.#use(node)));
  }

  async #use(node: CinnabarClient): Promise<void> {
    const { keyId, refusedAs } = this.#right;
    const beganAt = performance.now();
    const code = await codeOf(node.call("Encrypt", { KeyId: keyId, Plaintext: "text" }));
    const returnedAt = performance.now();
    if (code === undefined) this.readings.push({ found: "on", beganAt, returnedAt });
    else if (code === refusedAs) this.readings.push({ found: "off", beganAt, returnedAt });
    else if (code !== UNAVAILABLE) this.unexpected.push(`a call was refused with ${code}`);
  }
}
