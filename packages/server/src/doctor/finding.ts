/** `ok`: as it should be. `warning`: it works, and could cost something one day. `problem`: it does not work, or not safely. */
export type Severity = "ok" | "warning" | "problem";

/** What one check found. Nothing in it is secret. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly status: Severity;
  /** What is so, a sentence without a full stop. */
  readonly found: string;
  /** What would be right, a sentence without a full stop; nothing if it is so. */
  readonly advice?: string;
  /** The page that explains it. */
  readonly see?: string;
}

/** Findings of one subject. */
export class Findings {
  readonly list: Finding[] = [];

  ok(check: string, found: string): void {
    this.list.push({ check, status: "ok", found });
  }

  warning(check: string, { found, ...rest }: Details): void {
    this.list.push({ check, status: "warning", found, ...rest });
  }

  problem(check: string, { found, ...rest }: Details): void {
    this.list.push({ check, status: "problem", found, ...rest });
  }
}

type Details = Pick<Finding, "found" | "advice" | "see">;

/** An error's message as the found part of a finding. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\.$/, "");
}
