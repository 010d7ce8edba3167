import { changePoints, isNegated, isOfDates, type ValueTest, valueTest } from "./condition-operators.ts";
import { CURRENT_TIME } from "./condition-keys.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Condition } from "./policy.ts";
import { rememberFew } from "./remember-few.ts";
import { parseInstant } from "./scalars.ts";

/** A condition made ready to be asked. */
export class CompiledCondition {
  readonly condition: Condition;
  readonly #negated: boolean;
  readonly #test: ValueTest;
  /** At which instants it may change; there for dates with the current time alone. */
  readonly #changePoints: readonly number[] | undefined;

  constructor(condition: Condition) {
    const { operator, key, values } = condition;
    this.condition = condition;
    this.#negated = isNegated(operator);
    this.#test = valueTest(operator, values);
    this.#changePoints = key === CURRENT_TIME && isOfDates(operator) ? changePoints(values) : undefined;
  }

  /** Whether it holds. Of a key with several values one must match; of a key without value none does. */
  holds(evaluation: Evaluation): boolean {
    const value = evaluation.valueOf(this.condition.key);
    if (this.#changePoints !== undefined) noteTime(evaluation, this.#changePoints, value);
    else if (this.condition.key === CURRENT_TIME) evaluation.readTime();
    return this.#matches(value) !== this.#negated;
  }

  #matches(value: string | readonly string[] | undefined): boolean {
    if (value === undefined) return false;
    return typeof value === "string" ? this.#test(value) : value.some(this.#test);
  }
}

const findInstant = rememberFew(parseInstant);

function noteTime(
  evaluation: Evaluation,
  changePoints: readonly number[],
  value: string | readonly string[] | undefined,
): void {
  const now = typeof value === "string" ? findInstant(value) : undefined;
  if (now === undefined) return evaluation.readTime();
  for (const instant of changePoints) evaluation.validity.changesAt(instant, now);
}
