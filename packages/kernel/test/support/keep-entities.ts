import { randomBytes, randomUUID } from "node:crypto";
import type { Cut } from "@cinnabar/testkit";
import type { Backend } from "../../src/store/backend.ts";
import { EntityCache, type EntityKind } from "../../src/store/entity-cache.ts";
import { RowGuard } from "../../src/store/row-guard.ts";
import { rowGuardKeys } from "../../src/custody/row-guard-keys.ts";
import { RootKey } from "../../src/custody/root-key.ts";

// For a process of its own, whose memory is measured.

/** Entities that are as they are asked for. */
const kind: EntityKind<{ readonly id: string }> = {
  name: "anything",
  capacity: 1_000,
  load: (_reader, id) => Promise.resolve({ id }),
};

const cache = new EntityCache({
  // Nothing is read of it.
  backend: { kind: "sqlite", reader: {} } as Backend,
  guard: new RowGuard(rowGuardKeys(new RootKey(randomBytes(32)))),
  epoch: { value: 1, tag: randomBytes(16), changes: null },
});

/** Has an entity read whose id came with a request. */
export async function keep(cut: Cut): Promise<void> {
  await cache.find(kind, cut(randomUUID()));
}
