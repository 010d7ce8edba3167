import { Buffer } from "node:buffer";
import { CURRENT_TIME } from "./condition-keys.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WholeAccount } from "./principal-pattern.ts";
import { rememberFew } from "./remember-few.ts";
import type { ConditionSource, PolicyPrincipal, PolicyRequest } from "./request.ts";
import { parseInstant } from "./scalars.ts";
import type { ValidityWindow, Verdict } from "./verdict.ts";

/** So many are remembered by all sets of a process together, in some 20 MB… */
const MAX_REMEMBERED = 65_536;
/** …and so many characters of resources and values that were looked at. */
const MAX_REMEMBERED_CHARACTERS = 16_777_216;
/** Of the resource, and of each value that was looked at: with longer ones, or more values, nothing is remembered. */
const MAX_CHARACTERS = 512;
const MAX_LOOKS = 16;

/** Verdicts about an action, by the resource: of each the last. */
export type RememberedVerdicts = Map<string, RememberedVerdict>;

/** A value of the request that a condition looked at; `undefined` if it had none. */
type Look = readonly [key: string, value: string | undefined];

/** A verdict, and all of the request, beside action and resource, that it was found by. */
export class RememberedVerdict {
  readonly verdict: Verdict;
  /** Of the values that were looked at. */
  readonly characters: number;
  readonly #looks: readonly Look[];
  readonly #principal: PolicyPrincipal;
  readonly #wholeAccount: WholeAccount;

  constructor(
    verdict: Verdict,
    by: { readonly looks: readonly Look[]; readonly principal: PolicyPrincipal; readonly wholeAccount: WholeAccount },
  ) {
    this.verdict = verdict;
    this.#looks = by.looks;
    this.characters = by.looks.reduce((sum, [, value]) => sum + (value?.length ?? 0), 0);
    this.#principal = by.principal;
    this.#wholeAccount = by.wholeAccount;
  }

  /** Whether the conditions would say the same of another request of whoever asked. */
  isOf({ conditions }: PolicyRequest): boolean {
    // A loop, since this is on the way of every call.
    for (const [key, value] of this.#looks) if (conditions.get(key) !== value) return false;
    const { window } = this.verdict;
    return window === undefined || isWithin(window, conditions);
  }

  /** Whether it was said of whoever asks now. */
  isOfPrincipal({ kind, accountId, name }: PolicyPrincipal, wholeAccount: WholeAccount): boolean {
    const known = this.#principal;
    return (
      wholeAccount === this.#wholeAccount && kind === known.kind && accountId === known.accountId && name === known.name
    );
  }
}

const findInstant = rememberFew(parseInstant);

function isWithin({ from, until }: ValidityWindow, conditions: ConditionSource): boolean {
  const value = conditions.get(CURRENT_TIME);
  const now = typeof value === "string" ? findInstant(value) : undefined;
  return now !== undefined && (from === undefined || now >= from) && (until === undefined || now < until);
}

/** Bounds what all sets remember: when it is too much, all of it is forgotten, and what is still asked is found again. */
class Memory {
  readonly #verdicts = new Set<RememberedVerdicts>();
  #size = 0;
  #characters = 0;

  remember(verdicts: RememberedVerdicts, resource: string, verdict: RememberedVerdict): void {
    const isFull = this.#size >= MAX_REMEMBERED || this.#characters >= MAX_REMEMBERED_CHARACTERS;
    if (isFull) this.#forget();
    const replaced = verdicts.get(resource);
    if (replaced === undefined) {
      this.#size++;
      this.#characters += resource.length;
      this.#verdicts.add(verdicts);
    }
    this.#characters += verdict.characters - (replaced?.characters ?? 0);
    verdicts.set(resource, verdict);
  }

  #forget(): void {
    for (const verdicts of this.#verdicts) verdicts.clear();
    this.#verdicts.clear();
    this.#size = 0;
    this.#characters = 0;
  }
}

const memory = new Memory();

/** Remembers a verdict, unless what it was found by is too long. */
export function rememberVerdict(
  verdicts: RememberedVerdicts,
  {
    evaluation,
    verdict,
    wholeAccount,
  }: { readonly evaluation: Evaluation; readonly verdict: Verdict; readonly wholeAccount: WholeAccount },
): void {
  const { principal, resource } = evaluation.request;
  const looks: Look[] = [];
  for (const [key, value] of evaluation.looks) {
    if (looks.length === MAX_LOOKS || !isShort(value)) return;
    looks.push([key, value && copyOf(value)]);
  }
  if (!isShort(resource)) return;
  memory.remember(verdicts, copyOf(resource), new RememberedVerdict(verdict, { looks, principal, wholeAccount }));
}

function isShort(value: string | readonly string[] | undefined): value is string | undefined {
  return value === undefined || (typeof value === "string" && value.length <= MAX_CHARACTERS);
}

/** What was cut out of a request would keep all of it in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
