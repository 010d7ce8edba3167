import { randomUUID } from "node:crypto";
import { encodeSystemEvent } from "../audit/system-event.ts";
import { StoreClock } from "../platform/store-clock.ts";
import type { Backend } from "./backend.ts";
import { ControlRunner } from "./control.ts";
import { loadDeployment } from "./deployment.ts";
import { EntityCache } from "./entity-cache.ts";
import { kyselyOn } from "./kysely-dialect.ts";
import type { RowGuard } from "./row-guard.ts";
import type { KernelSchema } from "./schema.ts";

/**
 * Takes the store's time back to the database's clock, on record: the operator's way out after a clock was wrongly
 * set forward. No node may run meanwhile, because each remembers the greatest time it has seen.
 *
 * @returns the store's time before and after, in milliseconds since 1970.
 */
export async function resetClock(options: {
  backend: Backend;
  guard: RowGuard;
}): Promise<{ readonly before: number; readonly after: number }> {
  const { backend, guard } = options;
  const { region } = await loadDeployment(backend, guard);
  const kernel = kyselyOn<KernelSchema>(backend.kind, backend.reader);
  const epoch = await kernel
    .selectFrom("epoch")
    .select(["value", "tag", "time", "changes"])
    .where("id", "=", 1)
    .executeTakeFirstOrThrow();
  const cache = new EntityCache({ backend, guard, epoch });
  const control = new ControlRunner({
    backend,
    guard,
    cache,
    clock: new StoreClock(epoch.time),
    fatal: (reason) => {
      throw new Error(reason);
    },
  });
  return control.run(
    (transaction) => {
      const result = { before: epoch.time, after: transaction.now };
      const event = encodeSystemEvent({
        name: "ResetClock",
        region,
        eventId: randomUUID().toUpperCase(),
        time: transaction.now,
        epoch: transaction.epoch,
        data: result,
      });
      return Promise.resolve({ result, event });
    },
    { resetsClock: true },
  );
}
