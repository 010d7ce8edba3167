import { Wildcard } from "./wildcard.ts";

/** `acs`, service, region, account. What stands behind them may hold colons. */
const LEADING_PARTS = 4;

/** The ARN of what is asked about. */
export class ResourceName {
  readonly text: string;
  #parts: readonly string[] | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** The five parts of an ARN, fewer where it is none. */
  get parts(): readonly string[] {
    return (this.#parts ??= splitResource(this.text));
  }
}

/**
 * Which resources a statement is about: all, or those whose ARN fits part for part, so that a wildcard never reaches from one
 * part into the next. Letters' case matters.
 */
export class ResourcePattern {
  readonly text: string;
  /** Whether there is no wildcard in it, so that it is about one resource alone. */
  readonly isExact: boolean;
  /** Of each part, once it was asked about; none where it is about all resources. */
  #parts: readonly Wildcard[] | undefined;

  constructor(text: string) {
    this.text = text;
    this.isExact = !/[*?]/.test(text);
  }

  matches(resource: ResourceName): boolean {
    if (this.isExact) return this.text === resource.text;
    this.#parts ??= this.text === "*" ? [] : splitResource(this.text).map((part) => new Wildcard(part));
    // A loop, since this is on the way of every call, and from the end, where resources differ most.
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const part = resource.parts[i];
      if (part === undefined || this.#parts[i]?.matches(part) !== true) return false;
    }
    return true;
  }
}

function splitResource(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < LEADING_PARTS; i++) {
    const colon = text.indexOf(":", start);
    if (colon < 0) break;
    parts.push(text.slice(start, colon));
    start = colon + 1;
  }
  parts.push(text.slice(start));
  return parts;
}
