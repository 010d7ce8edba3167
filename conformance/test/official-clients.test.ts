import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { sharedPostgres, skipWithout } from "@cinnabar/testkit";
import { Caller } from "../src/caller.ts";
import { Deployment } from "../src/deployment.ts";
import { findSecrets } from "../src/ledger.ts";
import { CLIENT_NAMES, type ClientName } from "../src/official-client.ts";
import { accountScenarios, scenarios } from "../src/scenarios/index.ts";

declare("over http, on SQLite", { clients: CLIENT_NAMES, tls: false });
// What one package can choose of the signature, it has chosen before it connects.
const overTls = ["kms20160120", "pop-core GET", "pop-core POST", "openapi-core"] as const;
declare("over https, on SQLite", { clients: overTls, tls: true });

const withoutPostgresql = skipWithout("postgresql");
if (withoutPostgresql === false) {
  declare("over https, on PostgreSQL", {
    clients: ["kms20160120"],
    tls: true,
    database: async () => (await sharedPostgres()).createDatabase(),
  });
} else test("over https, on PostgreSQL", { skip: withoutPostgresql });

const EXERCISED = new URL("../exercised.json", import.meta.url);

interface Rig {
  readonly clients: readonly ClientName[];
  readonly tls: boolean;
  /** Makes a database and gives its URL; a SQLite file in the data directory by default. */
  database?(): Promise<string>;
}

function declare(title: string, rig: Rig): void {
  describe(title, () => {
    let deployment: Deployment;
    let hasFailed = false;
    const run = async (scenario: (typeof scenarios)[number], client: ClientName): Promise<void> => {
      try {
        await scenario.run(Caller.asRoot(deployment, client));
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };

    before(async () => {
      deployment = await Deployment.start({ tls: rig.tls, database: await rig.database?.() });
    });
    after(() => deployment[Symbol.asyncDispose]());

    for (const client of rig.clients) {
      describe(client, () => {
        for (const scenario of scenarios) {
          test(scenario.title, () => run(scenario, client));
        }
      });
    }

    describe("an account, with the clients of RAM and STS", () => {
      for (const scenario of accountScenarios) {
        test(scenario.title, () => run(scenario, "ram20150501"));
      }
    });

    describe("afterwards", () => {
      test("every call has left exactly one audit event, under the RequestId of its answer", async () => {
        const events = await deployment.readCallEvents();
        const recorded = new Map(
          events.map(({ eventId, eventName, errorCode }) => [eventId, { eventName, errorCode }]),
        );
        assert.equal(recorded.size, events.length);
        assert.deepEqual(recorded, deployment.ledger.recorded);
        assert(recorded.size > 0);
      });

      test("no plaintext, ciphertext or unknown parameter is in the audit log", async () => {
        const { ledger } = deployment;
        const text = (await deployment.readCallEvents()).map((event) => event.text).join("\n");
        const [requestId = ""] = ledger.recorded.keys();
        // That an id is found which is there shows that others would be.
        assert.deepEqual(findSecrets(text, [...ledger.secrets, requestId]), new Set([requestId]));
      });

      test("no plaintext, ciphertext or secret is in the server's log or its metrics", async () => {
        const { ledger, server } = deployment;
        const secrets = [...ledger.secrets, server.credentials.accessKeySecret];
        const metrics = await deployment.readMetrics();
        assert.deepEqual(findSecrets(server.output, secrets), new Set());
        assert.deepEqual(findSecrets(metrics, secrets), new Set());
        assert.doesNotMatch(metrics, /[0-9a-f]{8}-[0-9a-f]{4}-|alias\/|acs:kms:/);
      });

      if (rig.clients === CLIENT_NAMES) {
        test("what was called of every operation is what exercised.json tells the compatibility table", async () => {
          const { operations } = deployment.exercised;
          if (process.argv.includes("write")) {
            assert(!hasFailed, "nothing is written where a scenario fails: it may have left calls out");
            await writeFile(EXERCISED, JSON.stringify(operations));
          }
          const isTold = isDeepStrictEqual(operations, JSON.parse(await readFile(EXERCISED, "utf8")));
          assert(
            isTold,
            "conformance/exercised.json is not up to date: run this file with the argument write, and format",
          );
        });
      }

      if (rig.database !== undefined) return;
      test("no plaintext, data key or secret lies in the database's files", async () => {
        const { directory, ledger, server } = deployment;
        const { accessKeyId, accessKeySecret } = server.credentials;
        const texts = [...ledger.secrets, accessKeySecret];
        const bytes = texts.map((text) => Buffer.from(text, "base64").toString("latin1"));
        const found = new Set<string>();
        for (const file of (await readdir(directory)).filter((name) => name.startsWith("cinnabar.db"))) {
          const content = await readFile(join(directory, file), "latin1");
          for (const secret of findSecrets(content, [...texts, ...bytes, accessKeyId])) found.add(secret);
        }
        assert.deepEqual(found, new Set([accessKeyId]));
      });
    });
  });
}
