import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type Backend, FileSeal, newRequestId, type Store } from "@cinnabar/kernel";
import { CinnabarNode } from "@cinnabar/server";
import { eventIndex, LogFollower } from "@cinnabar/trail";
import { type EventMaker } from "./made-events.ts";
import type { BenchStore } from "./stores.ts";

/** Requests that wait for their records at the same time: batches have about so many, up to half as many more or less. */
const REQUESTS = 96;

/**
 * Puts events on record through the committer of a node of its own, as its requests do; the node follows its log
 * meanwhile as a server's does.
 */
export async function fillLog(options: {
  readonly store: BenchStore;
  readonly events: number;
  readonly maker: EventMaker;
  progress(text: string): void;
}): Promise<void> {
  const { store, events, maker } = options;
  await using node = await CinnabarNode.start({
    database: store.database ?? `sqlite:${join(store.data, "cinnabar.db")}`,
    seal: new FileSeal(join(store.data, "root.key")),
    nodeId: randomBytes(16).toString("hex"),
    listen: { host: "127.0.0.1", port: 0 },
    adminListen: { host: "127.0.0.1", port: 0 },
    tls: undefined,
    create: {
      region: "cn-hangzhou",
      origin: "bench",
      clockOffset: 0,
      keep: () => Promise.reject(new Error("the server has made no deployment")),
    },
    log: { level: "error", destination: new Writable({ write: (_chunk, _encoding, done) => done() }) },
    nonceSlots: 1024,
    trustedProxies: [],
    maxConnectionsPerAddress: 1,
    fatal(reason) {
      throw new Error(reason);
    },
  });
  for (let made = 0; made < events;) {
    const wave = Math.min(events - made, Math.ceil(REQUESTS * (0.5 + Math.random())));
    await Promise.all(Array.from({ length: wave }, () => record(node.store, maker)));
    if (Math.floor((made + wave) / 100_000) > Math.floor(made / 100_000))
      options.progress(`${made + wave} of ${events} events`);
    made += wave;
  }
}

/** One request that has its record. */
function record({ committer, clock }: Store, maker: EventMaker): Promise<void> {
  const eventId = newRequestId();
  const time = clock.now();
  let text: string | undefined;
  return new Promise((resolve) => {
    committer.submit({
      ticket: { eventId, abandoned: false },
      encodeEvent: (epoch) => ({ text: (text ??= maker.next({ eventId, time, epoch })) }),
      isCurrent: () => true,
      window: undefined,
      inserts: [],
      again: () => Promise.resolve(undefined),
      settle: resolve,
    });
  });
}

/** What following a log costs. */
export interface FollowCost {
  readonly events: number;
  /** CPU time of the process, all of its threads, for each event. */
  readonly cpuMicros: number;
  readonly seconds: number;
}

/** Makes the index of all logs anew, with nothing else going on. */
export async function measureFollower(backend: Backend): Promise<FollowCost> {
  await backend.transaction("write", async (connection) => {
    for (const table of ["trail_follower", "trail_segment", "trail_column"]) {
      await connection.execute(`DELETE FROM ${table}`, []);
    }
  });
  const { rows } = await backend.reader.execute("SELECT sum(event_count) AS events FROM audit_batch", []);
  const events = Number(rows[0]?.["events"]);
  const follower = new LogFollower({ backend, contributors: [eventIndex], now: Date.now });
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
  await follower.catchUp();
  const { user, system } = process.cpuUsage(cpu);
  return { events, cpuMicros: (user + system) / events, seconds: (performance.now() - startedAt) / 1000 };
}
