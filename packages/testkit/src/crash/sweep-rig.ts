import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerProcess } from "../server-process.ts";
import { accessDatabase } from "./database-access.ts";
import { Intruder } from "./intruder.ts";
import type { Progress, RigReport } from "./rig-report.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** The pause between two sweeps is a minute, and a sweep of a small store takes no time to speak of. */
const PATIENCE_MILLIS = 75_000;
const POLL_MILLIS = 200;

export async function sweepOnSqlite({ progress }: { progress: Progress }): Promise<RigReport> {
  await using directory = await temporaryDirectory();
  return await proveSweep({
    database: `sqlite:${join(directory.path, "store.db")}`,
    name: "the sweep on SQLite",
    progress,
  });
}

/** @param options.database - URL of an empty database. */
export function sweepOnPostgresql(options: { database: string; progress: Progress }): Promise<RigReport> {
  return proveSweep({ ...options, name: "the sweep on PostgreSQL" });
}

/** Puts an old row back beneath a running server, which must raise the alarm by itself. */
async function proveSweep(options: { database: string; name: string; progress: Progress }): Promise<RigReport> {
  const { database: url, name, progress } = options;
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start({ data: join(directory.path, "node"), database: url });
  const client = server.client();
  const { KeyId: id } = (await client.call("CreateKey"))["KeyMetadata"] as { KeyId: string };
  await using database = await accessDatabase(url);
  const intruder = new Intruder(database);
  const place = { table: "kms_key", id } as const;
  const old = await intruder.copy(place);
  await client.call("DisableKey", { KeyId: id });
  client.close();
  const problems = server.alarms("tampered-row").map((alarm) => `an alarm without a cause: ${JSON.stringify(alarm)}`);

  await intruder.overwrite(place, old);
  progress("an old row is put back; waiting for the sweep");
  const startedAt = performance.now();
  while (server.alarms("tampered-row").length === 0 && performance.now() - startedAt < PATIENCE_MILLIS) {
    await sleep(POLL_MILLIS);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (server.alarms("tampered-row").length === 0) problems.push(`no alarm after ${seconds.toFixed(0)} s`);
  else if ((await server.metric("cinnabar_tampered_rows_total")) === 0) problems.push("an alarm that no metric counts");
  return { name, figures: { "seconds until the alarm": seconds }, problems };
}
