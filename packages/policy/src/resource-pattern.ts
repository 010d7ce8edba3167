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

  /**
   * The ARN of the one resource that it is about of those whose ARNs begin with `prefix`, whatever stands for its region or
   * account; `several` if it may be about more than one, which what stands before its first wildcard decides.
   */
  of(prefix: ResourceName): { readonly arn: string } | "several" | undefined {
    if (this.text === "*") return "several";
    const relative = splitResource(this.text).at(-1) ?? "";
    const isOne = !/[*?]/.test(relative);
    const isAbout = this.#isAbout(prefix, (part, given) =>
      isOne ? part.startsWith(given) : canBeginAlike(part.split(/[*?]/, 1)[0] ?? "", given),
    );
    if (!isAbout) return undefined;
    return isOne ? { arn: [...prefix.parts.slice(0, -1), relative].join(":") } : "several";
  }

  /** Whether it is certainly about all of them. */
  isOfAll(prefix: ResourceName): boolean {
    return this.#isAbout(prefix, (part, given) => part.endsWith("*") && given.startsWith(part.slice(0, -1)));
  }

  /** Whether all parts but the last, of which `fits` decides, are those of the prefix. */
  #isAbout(prefix: ResourceName, fits: (part: string, given: string) => boolean): boolean {
    if (this.text === "*") return true;
    const parts = splitResource(this.text);
    const last = prefix.parts.length - 1;
    if (parts.length !== prefix.parts.length || !fits(parts[last] ?? "", prefix.parts[last] ?? "")) return false;
    return parts.slice(0, last).every((part, i) => new Wildcard(part).matches(prefix.parts[i] ?? ""));
  }
}

/** Whether two texts can be the beginning of one. */
function canBeginAlike(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
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
