/** Calls of which kind are to fail, and how: `POST /emulator/faults` in docs/emulator.md. */
export interface Fault {
  /** Name of an operation, or several; any if left out. */
  readonly operation?: string | readonly string[];
  /** 16 digits; any account if left out. */
  readonly account?: string;
  /** How many calls it hits before it ends; without end if left out. */
  readonly calls?: number;
  /** Share of the matching calls that it hits, above 0 and up to 1, which is the default. */
  readonly probability?: number;
  /** The same calls are hit with the same seed. 0 if left out. */
  readonly seed?: number;
  readonly effect: FaultEffect;
}

export type FaultEffect =
  /** 429 Rejected.Throttling with `x-acs-retry-after`, 1,000 ms if left out. */
  | { readonly kind: "throttling"; readonly retryAfterMillis?: number }
  /** Any error code of the API, with its status. */
  | { readonly kind: "error"; readonly code: string; readonly message?: string }
  | { readonly kind: "latency"; readonly millis: number | { readonly from: number; readonly to: number } }
  /** The connection ends without an answer, before the call had any effect or after all of it. */
  | { readonly kind: "drop"; readonly when: "before" | "after" };
