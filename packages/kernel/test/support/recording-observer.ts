import type { SignedCheckpoint } from "../../src/audit/checkpointer.ts";
import type { StoreObserver } from "../../src/store/store.ts";

/** Remembers what a store told its process. */
export class RecordingObserver implements StoreObserver {
  readonly batches: number[] = [];
  misses = 0;
  readonly troubles: unknown[] = [];
  readonly fences: string[] = [];
  clockAlarms = 0;
  readonly checkpoints: SignedCheckpoint[] = [];

  committed(batch: { events: number }): void {
    this.batches.push(batch.events);
  }
  missed(): void {
    this.misses++;
  }
  unavailable(cause: unknown): void {
    this.troubles.push(cause);
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
