import type { QueueName } from "./bounded-queue.ts";
import type { DeclaredOperation } from "./operation.ts";

type QueuedOperation = Pick<DeclaredOperation, "queue" | "queuedWith" | "impact">;

/** Where a call waits for its turn; `undefined` if its work is not dear. */
export function queueOf(
  { queue, queuedWith, impact }: QueuedOperation,
  wire: ReadonlyMap<string, string>,
): QueueName | undefined {
  if (impact !== undefined && wire.get("DryRun") === "true") return impact.queue;
  const isDear = typeof queuedWith === "function" ? queuedWith(wire) : queuedWith === undefined || wire.has(queuedWith);
  return isDear ? queue : undefined;
}
