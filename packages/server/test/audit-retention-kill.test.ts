import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CinnabarClient } from "@cinnabar/client";
import { ServerProcess } from "@cinnabar/testkit";
import { readEventFacts } from "../src/audit/event-facts.ts";
import { verifyAudit, withDatabaseLogs } from "../src/audit/index.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

const KEEP_SECONDS = 3;
const KILLS = 4;

/** Calls, and when each that was answered had begun, by its RequestId. */
class Callers {
  readonly answered = new Map<string, number>();
  readonly #client: CinnabarClient;
  #isOver = false;
  readonly #calls: Promise<void>[];

  constructor(client: CinnabarClient, keyId: string) {
    this.#client = client;
    this.#calls = Array.from({ length: 8 }, () => this.#callOn(keyId));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#calls);
  }

  async #callOn(keyId: string): Promise<void> {
    while (!this.#isOver) {
      // Its record is not older, however late the answer comes.
      const begunAt = Date.now();
      try {
        const answer = await this.#client.call("Encrypt", { KeyId: keyId, Plaintext: "cGxhaW4=" });
        this.answered.set(String(answer["RequestId"]), begunAt);
      } catch {
        // The server was killed: nothing was answered.
        await sleep(5);
      }
    }
  }
}

describe("retention under kill -9", () => {
  test("the log verifies, and nothing that was answered within the retention time is missing", () =>
    withTemporaryDirectory(async (directory) => {
      const data = join(directory, "data");
      const database = `sqlite:${join(data, "cinnabar.db")}`;
      let droppedBefore = 0;
      let keyId: string | undefined;
      for (let kill = 0; kill < KILLS; kill++) {
        await using server = await ServerProcess.start({ data, flags: [`--audit-retention=${KEEP_SECONDS}s`] });
        const client = server.client();
        if (keyId === undefined) {
          const created = (await client.call("CreateKey", {})) as { KeyMetadata: { KeyId: string } };
          keyId = created.KeyMetadata.KeyId;
        }
        const callers = new Callers(client, keyId);
        // Until retention is at it: what it has dropped since the start grows.
        while ((await server.metric("cinnabar_audit_dropped_events_total")) === 0) await sleep(50);
        await sleep(200 * kill);
        const killedAt = Date.now();
        await server.kill("SIGKILL");
        await callers.stop();
        client.close();

        const verifierKey = (await readFile(join(data, "audit-verifier.vkey"), "utf8")).trim();
        await withDatabaseLogs(database, async (source) => {
          const report = await verifyAudit({ source, verifierKey });
          assert.deepEqual([report.findings, ...report.logs.map(({ findings }) => findings)].flat(), []);
          const dropped = report.logs.reduce((events, { droppedEvents }) => events + droppedEvents, 0);
          assert.ok(dropped > droppedBefore, `${dropped} after ${droppedBefore}`);
          droppedBefore = dropped;
          const there = new Set<string>();
          for await (const item of source.read(1)) {
            if (item.kind !== "batch") continue;
            for (const event of item.events ?? []) there.add(readEventFacts(event)?.eventId ?? "");
          }
          const missing = [...callers.answered].filter(
            ([id, at]) => at > killedAt - KEEP_SECONDS * 1000 && !there.has(id),
          );
          assert.deepEqual(missing, []);
          assert.ok(callers.answered.size > 0);
        });
      }
    }));
});
