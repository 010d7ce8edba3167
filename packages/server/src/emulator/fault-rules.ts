import { ApiError, type ErrorCode, ERRORS, type InjectedFault, type ProvenCall } from "@cinnabar/kernel";
import { EmulatedCall } from "./emulated-call.ts";
import { seededRandom } from "./seeded-random.ts";

/** What is done to a call. */
export type FaultEffect =
  /** 429 Rejected.Throttling, with `x-acs-retry-after`. */
  | { readonly kind: "throttling"; readonly retryAfterMillis: number }
  | { readonly kind: "error"; readonly code: ErrorCode; readonly message?: string | undefined }
  /** The answer leaves later, by a time between the two, both included. */
  | { readonly kind: "latency"; readonly fromMillis: number; readonly toMillis: number }
  /** The connection ends without an answer: before the call has had any effect, or after all of it. */
  | { readonly kind: "drop"; readonly when: "before" | "after" };

export interface FaultRule {
  /** Names of operations; any if left out. */
  readonly operations?: readonly string[] | undefined;
  readonly account?: string | undefined;
  /** How many calls the rule may hit before it ends; without end if left out. */
  readonly calls?: number | undefined;
  /** Of the calls that match, the share that is hit. */
  readonly probability: number;
  readonly seed: number;
  readonly effect: FaultEffect;
}

/** A rule that stands. */
export interface StandingRule extends FaultRule {
  readonly id: number;
  /** Calls that it has hit. */
  readonly hits: number;
}

/** What is added to the message of an injected error where the rule gives none, so that no log or client mistakes it. */
const INJECTED = "(Injected by the emulator.)";

/** The faults that an emulator was told to inject. */
export class FaultRules {
  readonly #rules = new Map<number, { rule: FaultRule; random: () => number; hits: number }>();
  #lastId = 0;

  add(rule: FaultRule): StandingRule {
    const id = ++this.#lastId;
    this.#rules.set(id, { rule, random: seededRandom(rule.seed), hits: 0 });
    return { ...rule, id, hits: 0 };
  }

  list(): readonly StandingRule[] {
    return [...this.#rules].map(([id, { rule, hits }]) => ({ ...rule, id, hits }));
  }

  get size(): number {
    return this.#rules.size;
  }

  /** @returns false if there is no such rule. */
  remove(id: number): boolean {
    return this.#rules.delete(id);
  }

  clear(): void {
    this.#rules.clear();
  }

  /**
   * What is done to a call: of every rule that hits it, in the order in which they were added, the delays add up, and of
   * the others the first one counts.
   */
  apply({ incoming, action, accountId }: ProvenCall): InjectedFault | undefined {
    if (!(incoming instanceof EmulatedCall)) return undefined;
    let decided: Exclude<FaultEffect, { kind: "latency" }> | undefined;
    for (const [id, standing] of this.#rules) {
      const { rule, random } = standing;
      const { effect } = rule;
      if (decided !== undefined && effect.kind !== "latency") continue;
      if (rule.operations?.includes(action) === false || (rule.account ?? accountId) !== accountId) continue;
      if (rule.probability < 1 && random() >= rule.probability) continue;
      standing.hits++;
      if (standing.hits === rule.calls) this.#rules.delete(id);
      if (effect.kind !== "latency") decided = effect;
      else incoming.delay(between(effect, random));
    }
    return decided && inflict(decided, incoming);
  }
}

function between({ fromMillis, toMillis }: { fromMillis: number; toMillis: number }, random: () => number): number {
  return fromMillis + Math.floor(random() * (toMillis - fromMillis + 1));
}

/** @returns what the pipeline has to know of it. */
function inflict(effect: Exclude<FaultEffect, { kind: "latency" }>, incoming: EmulatedCall): InjectedFault | undefined {
  switch (effect.kind) {
    case "throttling":
      return { ...refusal("Rejected.Throttling"), retryAfterMillis: effect.retryAfterMillis };
    case "error":
      return refusal(effect.code, effect.message);
    case "drop":
      if (effect.when === "before") {
        incoming.drop();
        return { kind: "lost" };
      }
      incoming.loseAnswer();
      return undefined;
  }
}

function refusal(
  code: ErrorCode,
  message = `${ERRORS[code].message} ${INJECTED}`,
): InjectedFault & { kind: "refused" } {
  return { kind: "refused", error: new ApiError(code, message) };
}
