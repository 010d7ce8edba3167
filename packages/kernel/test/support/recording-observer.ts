import type { SignedCheckpoint } from "../../src/audit/checkpointer.ts";
import type { WrittenBatch } from "../../src/store/committer.ts";
import type { TamperedRowError } from "../../src/store/row-guard.ts";
import type { StoreObserver } from "../../src/store/store.ts";

/** Remembers what a store told its process. */
export class RecordingObserver implements StoreObserver {
  readonly batches: number[] = [];
  misses = 0;
  readonly troubles: unknown[] = [];
  readonly tamperings: string[] = [];
  readonly fences: string[] = [];
  clockAlarms = 0;
  readonly checkpoints: SignedCheckpoint[] = [];

  committed({ events }: WrittenBatch): void {
    this.batches.push(events.length);
  }
  missed(): void {
    this.misses++;
  }
  unavailable(cause: unknown): void {
    this.troubles.push(cause);
  }
  tampered({ message }: TamperedRowError): void {
    this.tamperings.push(message);
  }
  fenced(reason: string): void {
    this.fences.push(reason);
  }
  clockBehind(): void {
    this.clockAlarms++;
  }
  checkpointed(checkpoints: readonly SignedCheckpoint[]): void {
    this.checkpoints.push(...checkpoints);
  }
}
