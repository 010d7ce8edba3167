import { randomUUID } from "node:crypto";
import type { TimeWindow } from "../../src/store/backend.ts";
import type { Submission } from "../../src/store/committer.ts";
import type { RowChange } from "../../src/store/protected-table.ts";

export interface RequestOptions {
  readonly id?: string;
  readonly isPatient?: boolean;
  readonly window?: TimeWindow;
  readonly inserts?: readonly RowChange[];
  /** Whether the answer still holds; asked again after each run. */
  readonly isCurrent?: (request: TestRequest) => boolean;
  /** What running it again does, beside counting. */
  readonly rerun?: (request: TestRequest) => Promise<void> | void;
  readonly onSettle?: () => void;
}

/** A finished request as the pipeline would submit it, which remembers how often it was run and answered. */
export class TestRequest implements Submission {
  readonly ticket: { readonly eventId: string; abandoned: boolean; readonly isPatient: boolean };
  window: TimeWindow | undefined;
  inserts: readonly RowChange[];
  runs = 1;
  settled = 0;
  /** Resolves when the answer was handed over. */
  readonly answered: Promise<void>;
  readonly #options: RequestOptions;
  #resolve: () => void = () => undefined;

  constructor(options: RequestOptions = {}) {
    this.#options = options;
    this.ticket = { eventId: options.id ?? randomUUID(), abandoned: false, isPatient: options.isPatient ?? false };
    this.window = options.window;
    this.inserts = options.inserts ?? [];
    this.answered = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get id(): string {
    return this.ticket.eventId;
  }

  isCurrent(): boolean {
    return this.#options.isCurrent?.(this) ?? true;
  }

  encodeEvent(epoch: number): { text: string } {
    return { text: JSON.stringify({ epoch, eventId: this.id, run: this.runs }) };
  }

  async again(): Promise<Submission> {
    this.runs++;
    await this.#options.rerun?.(this);
    return this;
  }

  settle(): void {
    this.settled++;
    this.#options.onSettle?.();
    this.#resolve();
  }
}
