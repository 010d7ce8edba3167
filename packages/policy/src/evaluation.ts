import { CURRENT_TIME } from "./condition-keys.ts";
import { ResourceName } from "./resource-pattern.ts";
import type { ConditionSource, PolicyRequest } from "./request.ts";
import { Validity } from "./validity.ts";
import type { ValidityWindow } from "./verdict.ts";

type ConditionValue = ReturnType<ConditionSource["get"]>;

/** One question to a set of policies, and between which instants its answer stands. */
export class Evaluation {
  readonly request: PolicyRequest;
  readonly resource: ResourceName;
  #validity: Validity | undefined;
  #values: Map<string, ConditionValue> | undefined;
  #readsTime = false;

  constructor(request: PolicyRequest) {
    this.request = request;
    this.resource = new ResourceName(request.resource);
  }

  /** What the request has for a condition key, which is asked for once. */
  valueOf(key: string): ConditionValue {
    this.#values ??= new Map();
    const known = this.#values.get(key);
    if (known !== undefined || this.#values.has(key)) return known;
    const value = this.request.conditions.get(key);
    this.#values.set(key, value);
    return value;
  }

  /** Says that the current time mattered otherwise than by the validity. */
  readTime(): void {
    this.#readsTime = true;
  }

  /** What was looked at, but for the current time where the window says what it decides. */
  get looks(): [key: string, value: ConditionValue][] {
    return [...(this.#values ?? [])].filter(([key]) => key !== CURRENT_TIME || this.#readsTime);
  }

  get validity(): Validity {
    return (this.#validity ??= new Validity());
  }

  /** `undefined` if no time was looked at. */
  get window(): ValidityWindow | undefined {
    return this.#validity?.window;
  }
}
