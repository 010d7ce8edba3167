import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type CallParameters, type CinnabarClient, ServiceError, TransportError } from "@cinnabar/client";
import type { SeededRandom } from "./seeded-random.ts";

const UNAVAILABLE = "ServiceUnavailableTemporary";
const DISABLED = "Rejected.Disabled";
/** How a call ends for which the server could not read the database: it is on record, and had no effect. */
const MOST_ATTEMPTS = 5;
const UNAVAILABLE_PAUSE_MILLIS = 20;
/** Keys that a client uses before it makes a new one only now and then. */
const ENOUGH_KEYS = 6;

/** An answer that was received: the log must have its one record, saying the same. */
export interface ReceivedAnswer {
  readonly requestId: string;
  readonly action: string;
  /** `undefined` if the call succeeded. */
  readonly code: string | undefined;
}

/** A key whose creation was answered. */
interface KnownKey {
  readonly id: string;
  /** As the last answer says; `unknown` after a change whose answer did not come. */
  state: "Enabled" | "Disabled" | "unknown";
  ciphertextBlob: string | undefined;
  checked: boolean;
}

/** Why a client ended its work: it may not know what became of its last call. */
class Disconnected extends Error {}

/**
 * Concurrent clients that use and change keys, each its own ones, and remember every answer they received. What is
 * remembered can be held against the server and its log at any later time.
 */
export class Workload {
  readonly #random: SeededRandom;
  readonly #clients: readonly KnownKey[][];
  readonly #aliases = new Map<string, string>();
  readonly #answers: ReceivedAnswer[] = [];
  readonly #unavailable = new Set<string>();
  /** What was said with each code the last time. */
  readonly #lastMessages = new Map<string, string>();
  readonly problems: string[] = [];
  /** Whether a client is at work: one whose call gets no answer ends, whether the server is gone or not. */
  isRunning = false;
  #lastAlias = 0;

  constructor({ clients, random }: { clients: number; random: SeededRandom }) {
    this.#random = random;
    this.#clients = Array.from({ length: clients }, () => []);
  }

  /** Every answer received but 503. */
  get answers(): readonly ReceivedAnswer[] {
    return this.#answers;
  }

  /** RequestIds that were answered 503: if their events are on record, a correction must name them. */
  get unavailable(): ReadonlySet<string> {
    return this.#unavailable;
  }

  get keyCount(): number {
    return this.#clients.flat().length;
  }

  get aliasCount(): number {
    return this.#aliases.size;
  }

  /** Keeps all clients busy until `signal` aborts or the server is gone. */
  async run(client: CinnabarClient, signal: AbortSignal): Promise<void> {
    this.isRunning = true;
    await Promise.all(this.#clients.map((keys) => this.#work({ client, keys, signal })));
    this.isRunning = false;
  }

  /**
   * Asks for every key that was not asked for since it last changed, or for all: it is there, in the state of the last
   * answer, and decrypts what it encrypted.
   */
  async verify(client: CinnabarClient, { all }: { all: boolean }): Promise<void> {
    await Promise.all(
      this.#clients.map(async (keys) => {
        for (const key of keys) if (all || !key.checked) await this.#verifyKey(client, key);
      }),
    );
    if (all) for (const [alias, id] of this.#aliases) await this.#verifyAlias(client, { alias, id });
  }

  async #work({
    client,
    keys,
    signal,
  }: {
    client: CinnabarClient;
    keys: KnownKey[];
    signal: AbortSignal;
  }): Promise<void> {
    try {
      while (!signal.aborted) await this.#step(client, keys);
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error;
    }
  }

  async #step(client: CinnabarClient, keys: KnownKey[]): Promise<void> {
    const usable = keys.filter(({ state }) => state !== "unknown").slice(-ENOUGH_KEYS);
    if (usable.length < 2 || this.#random.chance(0.03)) return this.#createKey(client, keys);
    const key = this.#random.pick(usable);
    key.checked = false;
    const choice = this.#random.next();
    if (choice < 0.25) return this.#flip(client, key);
    if (choice < 0.28) return this.#createAlias(client, key);
    return this.#encrypt(client, key);
  }

  async #createKey(client: CinnabarClient, keys: KnownKey[]): Promise<void> {
    const answer = await this.#call(client, "CreateKey");
    if (answer === "unavailable") return;
    if (typeof answer === "string") return this.#unexpected("CreateKey", answer);
    const { KeyId: id } = answer["KeyMetadata"] as { KeyId: string };
    keys.push({ id, state: "Enabled", ciphertextBlob: undefined, checked: false });
  }

  async #createAlias(client: CinnabarClient, { id }: KnownKey): Promise<void> {
    const alias = `alias/crash-${++this.#lastAlias}`;
    const answer = await this.#call(client, "CreateAlias", { AliasName: alias, KeyId: id });
    if (typeof answer !== "string") this.#aliases.set(alias, id);
    else if (answer !== "unavailable") this.#unexpected("CreateAlias", answer);
  }

  async #flip(client: CinnabarClient, key: KnownKey): Promise<void> {
    const { state } = key;
    const action = state === "Enabled" ? "DisableKey" : "EnableKey";
    // Until an answer comes, either state is right.
    key.state = "unknown";
    const answer = await this.#call(client, action, { KeyId: key.id });
    if (typeof answer !== "string") key.state = state === "Enabled" ? "Disabled" : "Enabled";
    else if (answer !== "unavailable") this.#unexpected(action, answer);
  }

  async #encrypt(client: CinnabarClient, key: KnownKey): Promise<void> {
    const answer = await this.#call(client, "Encrypt", { KeyId: key.id, Plaintext: plaintextOf(key) });
    if (answer === "unavailable") return;
    if (typeof answer === "string") {
      if (key.state !== "Disabled" || answer !== DISABLED) this.#unexpected("Encrypt", answer);
    } else {
      if (key.state === "Disabled") this.problems.push(`${key.id} encrypted although it is disabled`);
      key.ciphertextBlob = String(answer["CiphertextBlob"]);
    }
  }

  async #verifyKey(client: CinnabarClient, key: KnownKey): Promise<void> {
    const { id, state, ciphertextBlob } = key;
    const answer = await this.#ask(client, "DescribeKey", { KeyId: id });
    if (typeof answer === "string") {
      this.problems.push(`the key ${id} was made, and now DescribeKey gives ${answer}`);
      return;
    }
    const { KeyState: found } = answer["KeyMetadata"] as { KeyState: string };
    if (state !== "unknown" && found !== state) this.problems.push(`the key ${id} was left ${state} and is ${found}`);
    if (found === "Enabled" && ciphertextBlob !== undefined) {
      const opened = await this.#ask(client, "Decrypt", { CiphertextBlob: ciphertextBlob });
      const text = typeof opened === "string" ? opened : opened["Plaintext"];
      if (text !== plaintextOf(key))
        this.problems.push(`what the key ${id} encrypted does not decrypt: ${String(text)}`);
    }
    key.checked = true;
  }

  async #verifyAlias(client: CinnabarClient, { alias, id }: { alias: string; id: string }): Promise<void> {
    const answer = await this.#ask(client, "DescribeKey", { KeyId: alias });
    const found = typeof answer === "string" ? answer : (answer["KeyMetadata"] as { KeyId: string }).KeyId;
    if (found !== id) this.problems.push(`the alias ${alias} was made for ${id} and leads to ${found}`);
  }

  /** As `#call`, again where a stalled disk cost the answer. */
  async #ask(client: CinnabarClient, action: string, parameters: CallParameters): Promise<Answer | string> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#call(client, action, parameters);
      if (answer !== "unavailable" || attempt === MOST_ATTEMPTS) return answer;
    }
  }

  /** The answer, the code of a refusal, or "unavailable". */
  async #call(client: CinnabarClient, action: string, parameters?: CallParameters): Promise<Answer | string> {
    try {
      const answer = await client.call(action, parameters);
      this.#answers.push({ requestId: String(answer["RequestId"]), action, code: undefined });
      return answer;
    } catch (error) {
      if (error instanceof TransportError) throw new Disconnected("the server is gone", { cause: error });
      if (!(error instanceof ServiceError)) throw error;
      const { code, requestId, message } = error;
      if (code === UNAVAILABLE) {
        this.#unavailable.add(requestId);
        await sleep(UNAVAILABLE_PAUSE_MILLIS);
        return "unavailable";
      }
      this.#answers.push({ requestId, action, code });
      this.#lastMessages.set(code, message);
      return code;
    }
  }

  #unexpected(action: string, code: string): void {
    this.problems.push(`${action} was refused with ${code}: ${this.#lastMessages.get(code) ?? ""}`);
  }
}

function plaintextOf({ id }: KnownKey): string {
  return Buffer.from(`what only ${id} opens`).toString("base64");
}
