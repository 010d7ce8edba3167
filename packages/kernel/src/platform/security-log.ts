import type { Logger } from "./logging.ts";

/** Why a request was refused before anybody was known to have sent it. Also a label of the metrics. */
export const REFUSAL_REASONS = [
  "malformed",
  "oversize",
  "slow",
  "too-many-connections",
  "unknown-access-key",
  "bad-security-token",
  "bad-signature",
  "bad-identity-token",
  "too-many-unsigned",
  "expired-timestamp",
  "used-nonce",
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** What the caller claimed. It is worth no more than that, and is cut to 256 characters a field. */
export type RefusalDetails = Readonly<Record<string, string | number | undefined>>;

const MAX_FIELD_CHARACTERS = 256;
const WINDOW_MILLIS = 1000;

interface Window {
  readonly endsAt: number;
  lines: number;
  suppressed: number;
}

/**
 * The log of requests without a valid signature, which anybody can send: at most so many lines a second for each
 * reason, then a line that counts the rest once the second is over.
 */
export class SecurityLog {
  readonly #logger: Logger;
  readonly #linesPerSecond: number;
  readonly #now: () => number;
  readonly #windows = new Map<RefusalReason, Window>();

  /** @param options.now - milliseconds since 1970. */
  constructor(options: { readonly logger: Logger; readonly linesPerSecond: number; readonly now: () => number }) {
    this.#logger = options.logger;
    this.#linesPerSecond = options.linesPerSecond;
    this.#now = options.now;
  }

  /** Writes a line for a refused request, or counts it. */
  refused(reason: RefusalReason, details: RefusalDetails): void {
    const now = this.#now();
    const window = this.#windowAt(reason, now);
    if (window.lines < this.#linesPerSecond) {
      window.lines++;
      this.#logger.warn({ reason, ...cut(details) }, "request refused");
    } else {
      window.suppressed++;
    }
  }

  /** Writes the counts that wait for their second to end. To be called every few seconds, and at the end. */
  flush(): void {
    for (const [reason, window] of this.#windows) this.#close(reason, window);
  }

  #windowAt(reason: RefusalReason, now: number): Window {
    const current = this.#windows.get(reason);
    if (current !== undefined && now < current.endsAt) return current;
    if (current !== undefined) this.#close(reason, current);
    const next = { endsAt: now + WINDOW_MILLIS, lines: 0, suppressed: 0 };
    this.#windows.set(reason, next);
    return next;
  }

  #close(reason: RefusalReason, { suppressed }: Window): void {
    this.#windows.delete(reason);
    if (suppressed > 0) this.#logger.warn({ reason, suppressed }, "further requests refused");
  }
}

function cut(details: RefusalDetails): RefusalDetails {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === "string" ? value.slice(0, MAX_FIELD_CHARACTERS) : value,
    ]),
  );
}
