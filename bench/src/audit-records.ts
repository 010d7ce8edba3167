import { type Backend, CONTROL_SHARD, kyselyOn, openEvents } from "@cinnabar/kernel";

const PAGE_BATCHES = 500;

type Schema = {
  audit_batch: { shard: number; seq: number; event_count: number; events: Uint8Array };
};

/** Counts the successful Encrypt calls that the audit log has on record. */
export async function countEncryptEvents(backend: Backend): Promise<number> {
  const db = kyselyOn<Schema>(backend.kind, backend.reader);
  const shards = await db.selectFrom("audit_batch").select("shard").distinct().execute();
  let count = 0;
  for (const { shard } of shards.filter(({ shard }) => shard !== CONTROL_SHARD)) {
    let after = -1;
    for (;;) {
      const batches = await db
        .selectFrom("audit_batch")
        .select(["seq", "event_count", "events"])
        .where("shard", "=", shard)
        .where("seq", ">", after)
        .orderBy("seq")
        .limit(PAGE_BATCHES)
        .execute();
      const last = batches.at(-1);
      if (last === undefined) break;
      after = last.seq;
      for (const { events, event_count: eventCount } of batches) {
        count += (openEvents({ events, eventCount }) ?? []).filter(isEncrypt).length;
      }
    }
  }
  return count;
}

/** Bytes of an SQLite file that hold something: its pages without the free ones, tables and indexes and all. */
export async function usedBytes(backend: Backend): Promise<number> {
  const pragma = async (name: string): Promise<number> => {
    const { rows } = await backend.reader.execute(`PRAGMA ${name}`, []);
    return Number(rows[0]?.[name]);
  };
  return ((await pragma("page_count")) - (await pragma("freelist_count"))) * (await pragma("page_size"));
}

function isEncrypt(event: string): boolean {
  return event.includes('"eventName":"Encrypt"') && !event.includes('"errorCode":');
}
