import type { SignedCheckpoint } from "../../src/audit/checkpointer.ts";
import type { WrittenBatch } from "../../src/store/committer.ts";
import type { StoreObserver } from "../../src/store/store.ts";

/** Remembers what a store told its process. */
export class RecordingObserver implements StoreObserver {
  readonly batches: number[] = [];
  misses = 0;
  readonly troubles: unknown[] = [];
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
