import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { CinnabarClient, TransportError } from "@cinnabar/client";
import { FileSeal } from "@cinnabar/kernel";
import { eventIndex, LogFollower } from "@cinnabar/trail";
import { forEachDatabase, ServerProcess } from "@cinnabar/testkit";
import { openDatabase } from "../src/database.ts";
import { CinnabarNode, type NodeOptions } from "../src/node.ts";

const TRAIL = { version: "2020-07-06" };
const CALLERS = 4;
const CALLS = 12;

interface Answer {
  readonly RequestId: string;
  readonly Events: readonly { readonly eventId: string; readonly eventName: string }[];
}

/** The ids of the events that a lookup finds. */
async function lookUp(client: CinnabarClient, key: string, value: string): Promise<string[]> {
  const wire = { "LookupAttribute.1.Key": key, "LookupAttribute.1.Value": value, MaxResults: 50 };
  const { Events: events } = (await client.call("LookupEvents", wire, TRAIL)) as unknown as Answer;
  return events.map(({ eventId }) => eventId);
}

/** Makes a call that is on record, and gives its id. */
async function recorded(client: CinnabarClient): Promise<string> {
  return ((await client.call("ListKeys")) as unknown as Answer).RequestId;
}

/** Asks again where too many lookups are under way. */
async function untilTaken<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "Rejected.Throttling")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

forEachDatabase((database) => {
  test("whatever was answered is found at once, on every node, while logs are sealed by two at a time", async () => {
    await using resources = new AsyncDisposableStack();
    const path = await mkdtemp(join(tmpdir(), "cinnabar-lookup-"));
    resources.defer(() => rm(path, { recursive: true }));
    const { url } = resources.use(await database.create());
    let credentials: { accessKeyId: string; accessKeySecret: string } | undefined;
    const options: NodeOptions = {
      database: url,
      seal: new FileSeal(join(path, "root.key")),
      nodeId: randomBytes(16).toString("hex"),
      listen: { host: "127.0.0.1", port: 0 },
      adminListen: { host: "127.0.0.1", port: 0 },
      tls: undefined,
      create: {
        region: "cn-hangzhou",
        origin: "server.test/lookup",
        clockOffset: 0,
        keep: async ({ accessKeyId, secret }) => {
          credentials = { accessKeyId, accessKeySecret: Buffer.from(secret).toString() };
        },
      },
      log: { level: "silent", destination: new Writable({ write: (_chunk, _encoding, done) => done() }) },
      nonceSlots: 2 ** 16,
      trustedProxies: [],
      maxConnectionsPerAddress: 64,
      fatal(reason) {
        throw new Error(reason);
      },
    };
    const nodes = [resources.use(await CinnabarNode.start(options))];
    // SQLite is written by one process.
    if (database.name === "postgresql") {
      const nodeId = randomBytes(16).toString("hex");
      nodes.push(resources.use(await CinnabarNode.start({ ...options, nodeId })));
    }
    assert.ok(credentials !== undefined);
    const clients = nodes.map((node) => new CinnabarClient({ endpoint: new URL(node.url), credentials: credentials! }));
    resources.defer(() => clients.forEach((client) => client.close()));
    const client = (n: number): CinnabarClient => clients[n % clients.length]!;

    const backend = resources.adopt(await openDatabase(url), (opened) => opened.close());
    const follower = (): LogFollower => new LogFollower({ backend, contributors: [eventIndex], now: Date.now });
    const over = new AbortController();
    const sealers = [follower(), follower()].map(async (follower) => {
      while (!over.signal.aborted) {
        await follower.catchUp();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, caller) => {
        for (let i = 0; i < CALLS; i++) {
          const id = await recorded(client(caller + i));
          // On another node than it was made on, where there are two.
          const found = await untilTaken(() => lookUp(client(caller + i + 1), "EventId", id));
          assert.deepEqual(found, [id]);
        }
      }),
    );
    over.abort();
    await Promise.all(sealers);
    const { rows } = await backend.reader.execute("SELECT count(*) AS n FROM trail_segment", []);
    assert.ok(Number(rows[0]?.["n"]) > 0);
    assert.equal((await lookUp(client(0), "EventName", "ListKeys")).length, CALLERS * CALLS);
  });
});

test("whatever was answered before the server was killed is found after its next start", async () => {
  const data = await mkdtemp(join(tmpdir(), "cinnabar-lookup-"));
  try {
    const acknowledged: string[] = [];
    {
      await using server = await ServerProcess.start({ data });
      const client = server.client();
      const calling = Array.from({ length: 8 }, async () => {
        try {
          for (;;) acknowledged.push(await recorded(client));
        } catch (error) {
          assert.ok(error instanceof TransportError, String(error));
        }
      });
      while (acknowledged.length < 400) await new Promise((resolve) => setTimeout(resolve, 10));
      await server.kill("SIGKILL");
      await Promise.all(calling);
      client.close();
    }
    await using server = await ServerProcess.start({ data });
    const client = server.client();
    const found = new Set<string>();
    let token: string | undefined;
    do {
      const wire = {
        "LookupAttribute.1.Key": "EventName",
        "LookupAttribute.1.Value": "ListKeys",
        MaxResults: 50,
        NextToken: token,
      };
      const answer = (await client.call("LookupEvents", wire, TRAIL)) as unknown as Answer & { NextToken?: string };
      for (const { eventId } of answer.Events) found.add(eventId);
      token = answer.NextToken;
    } while (token !== undefined);
    assert.deepEqual(
      acknowledged.filter((id) => !found.has(id)),
      [],
    );
    for (const id of acknowledged.slice(-5)) assert.deepEqual(await lookUp(client, "EventId", id), [id]);
    assert.deepEqual(await lookUp(client, "EventId", randomUUID().toUpperCase()), []);
    client.close();
  } finally {
    await rm(data, { recursive: true });
  }
});
