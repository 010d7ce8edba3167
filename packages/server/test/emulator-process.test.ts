import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { type Answer, type CallParameters, type CinnabarClient, ServiceError, TransportError } from "@cinnabar/client";
import { ServerEndedError, ServerProcess } from "@cinnabar/testkit";
import { verifyAudit, withDatabaseLogs } from "../src/index.ts";

const DAY = 86_400_000;
const FLAGS = ["--emulator"];

interface Reply {
  readonly status: number;
  readonly answer: Readonly<Record<string, unknown>>;
}

/** An emulator on a directory of its own. */
class Rig implements AsyncDisposable {
  readonly data: string;
  readonly server: ServerProcess;
  readonly client: CinnabarClient;

  private constructor(data: string, server: ServerProcess) {
    this.data = data;
    this.server = server;
    this.client = server.client();
  }

  static async create(): Promise<Rig> {
    const data = await mkdtemp(join(tmpdir(), "cinnabar-emulator-"));
    return new Rig(data, await ServerProcess.start({ data, flags: FLAGS }));
  }

  async ask(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(new URL(path, this.server.adminUrl), {
      method,
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    assert.equal(response.headers.get("x-cinnabar-emulator"), "true");
    return { status: response.status, answer: (await response.json()) as Reply["answer"] };
  }

  async post(path: string, body: unknown): Promise<Reply["answer"]> {
    const { status, answer } = await this.ask("POST", path, body);
    assert.ok(status < 300, JSON.stringify(answer));
    return answer;
  }

  async time(): Promise<number> {
    return Date.parse(String((await this.ask("GET", "/emulator")).answer["time"]));
  }

  call(operation: string, parameters: CallParameters = {}): Promise<Answer> {
    return this.client.call(operation, parameters);
  }

  async createKey(): Promise<string> {
    const { KeyMetadata } = (await this.call("CreateKey")) as { KeyMetadata: { KeyId: string } };
    return KeyMetadata.KeyId;
  }

  async countKeys(): Promise<number> {
    return Number((await this.call("ListKeys"))["TotalCount"]);
  }

  async refusal(operation: string, parameters: CallParameters = {}): Promise<ServiceError> {
    return this.client.call(operation, parameters).then(
      () => assert.fail(`${operation} was answered`),
      (error: unknown) => {
        assert.ok(error instanceof ServiceError, String(error));
        return error;
      },
    );
  }

  async isLost(operation: string): Promise<void> {
    await assert.rejects(this.client.call(operation), TransportError);
  }

  /** Every event on record: name, code, and message. */
  async events(): Promise<readonly string[]> {
    const events: string[] = [];
    await withDatabaseLogs(`sqlite:${join(this.data, "cinnabar.db")}`, async (source) => {
      for (const shard of (await source.list()).shards) {
        for await (const batch of source.read(shard)) {
          if (batch.kind === "damage") throw new Error(batch.detail);
          for (const event of batch.events ?? []) {
            const { eventName, errorCode = "", errorMessage = "" } = JSON.parse(event) as Record<string, string>;
            events.push([eventName, errorCode, errorMessage].join(" ").trim());
          }
        }
      }
    });
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.server[Symbol.asyncDispose]();
    await rm(this.data, { recursive: true });
  }
}

describe("an emulator", () => {
  let rig: Rig;

  before(async () => {
    rig = await Rig.create();
  });
  after(() => rig[Symbol.asyncDispose]());

  test("says what it is at its start, in its state, and to those who watch", async () => {
    assert.match(rig.server.output, /^ {2}Emulator +http:\/\/127\.0\.0\.1:[0-9]+\/emulator /m);
    const { answer } = await rig.ask("GET", "/emulator");
    assert.equal(answer["emulator"], true);
    assert.equal(answer["endpoint"], rig.server.endpoint.origin);
    assert.match(String(answer["origin"]), /^emulator\/[0-9a-f]{16}$/);
    assert.deepEqual((await rig.ask("GET", "/readyz")).answer, { ready: true, reasons: [], emulator: true });
  });

  test("marks every answer, also of what is no call and no HTTP", async () => {
    const { endpoint, adminUrl } = rig.server;
    for (const url of [
      endpoint,
      new URL("/healthz", adminUrl),
      new URL("/metrics", adminUrl),
      new URL("/x", adminUrl),
    ]) {
      const response = await fetch(url);
      await response.text();
      assert.equal(response.headers.get("x-cinnabar-emulator"), "true", url.href);
    }
    for (const { hostname, port } of [endpoint, adminUrl]) {
      for (const request of [
        "no HTTP\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
      ]) {
        const socket = connect(Number(port), hostname);
        socket.end(request);
        assert.match(await text(socket), /^X-Cinnabar-Emulator: true$/im, request.slice(0, 20));
      }
    }
  });

  test("moves time forward, alone and on record, and callers' clocks need not follow", async () => {
    const before = await rig.time();
    const { time } = await rig.post("/emulator/time", { advance: "P366D" });
    assert.ok(Date.parse(String(time)) >= before + 366 * DAY);
    const { time: later } = await rig.post("/emulator/time", { advance: 1.5 });
    assert.ok(Date.parse(String(later)) >= Date.parse(String(time)) + 1500);
    const next = new Date(before + 400 * DAY).toISOString();
    assert.equal((await rig.post("/emulator/time", { set: next }))["time"], next);

    const back = await rig.ask("POST", "/emulator/time", { set: "2020-01-01T00:00:00Z" });
    assert.equal(back.status, 409);
    assert.match(String(back.answer["error"]), /time never goes back.*reset/);
    const { KeyMetadata } = (await rig.call("CreateKey")) as { KeyMetadata: { CreationDate: string } };
    assert.equal(KeyMetadata.CreationDate.slice(0, 10), next.slice(0, 10));
    assert.equal((await rig.events()).filter((event) => event === "AdvanceClock").length, 3);
    await rig.post("/emulator/reset", {});
    assert.ok(Math.abs((await rig.time()) - Date.now()) < 60_000, "time went back with the store");
  });

  test("a deletion 366 days from now has happened when the time has", async () => {
    const keyId = await rig.createKey();
    await rig.call("ScheduleKeyDeletion", { KeyId: keyId, PendingWindowInDays: 366 });
    await rig.post("/emulator/time", { advance: "P365D" });
    assert.equal((await rig.refusal("Encrypt", { KeyId: keyId, Plaintext: "x" })).code, "Rejected.PendingDeletion");
    await rig.post("/emulator/time", { advance: "P1D" });
    assert.equal((await rig.refusal("DescribeKey", { KeyId: keyId })).code, "Forbidden.KeyNotFound");
    await rig.post("/emulator/reset", {});
  });

  test("a call that is told to fail is put on record as it was answered", async () => {
    const { id } = await rig.post("/emulator/faults", {
      operation: "CreateKey",
      calls: 1,
      effect: { kind: "throttling", retryAfterMillis: 321 },
    });
    assert.equal(typeof id, "number");
    await rig.post("/emulator/faults", {
      operation: ["ListKeys", "CreateKey"],
      effect: { kind: "error", code: "ServiceUnavailableTemporary" },
    });
    const throttled = await rig.refusal("CreateKey");
    assert.deepEqual([throttled.code, throttled.status], ["Rejected.Throttling", 429]);
    const away = await rig.refusal("ListKeys");
    assert.deepEqual([away.code, away.status], ["ServiceUnavailableTemporary", 503]);
    await rig.call("ListAliases");

    const { answer } = await rig.ask("GET", "/emulator/faults");
    const [left] = answer["faults"] as { id: number; hits: number }[];
    assert.equal(left?.hits, 1);
    await rig.ask("DELETE", `/emulator/faults/${left?.id}`);
    assert.equal((await rig.ask("DELETE", "/emulator/faults/999")).status, 404);
    assert.equal(await rig.countKeys(), 0);
    const refused = (await rig.events()).filter((event) => event.includes("Injected by the emulator"));
    assert.deepEqual(refused.map((event) => event.split(" ").slice(0, 2).join(" ")).toSorted(), [
      "CreateKey Rejected.Throttling",
      "ListKeys ServiceUnavailableTemporary",
    ]);
  });

  test("a connection dropped before a call leaves nothing; one dropped after it leaves all but the answer", async () => {
    await rig.post("/emulator/reset", {});
    await rig.post("/emulator/faults", { operation: "CreateKey", calls: 1, effect: { kind: "drop", when: "before" } });
    await rig.isLost("CreateKey");
    assert.equal(await rig.countKeys(), 0);
    assert.ok(!(await rig.events()).includes("CreateKey"));

    await rig.post("/emulator/faults", { operation: "CreateKey", calls: 1, effect: { kind: "drop", when: "after" } });
    await rig.isLost("CreateKey");
    assert.equal(await rig.countKeys(), 1);
    assert.ok((await rig.events()).includes("CreateKey"));
  });

  test("an answer comes as late as it is told to", async () => {
    await rig.post("/emulator/faults", { operation: "ListKeys", calls: 1, effect: { kind: "latency", millis: 300 } });
    const startedAt = performance.now();
    await rig.countKeys();
    assert.ok(performance.now() - startedAt >= 300);
  });

  test("goes back to a snapshot and to its beginning, with its AccessKey, while calls wait", async () => {
    await rig.post("/emulator/reset", {});
    const kept = await rig.createKey();
    await rig.post("/emulator/time", { advance: "P10D" });
    const { name, time } = await rig.post("/emulator/snapshot", { name: "one-key" });
    assert.equal(name, "one-key");
    await rig.createKey();
    await rig.post("/emulator/time", { advance: "P10D" });
    await rig.post("/emulator/faults", { effect: { kind: "error", code: "InternalFailure" } });

    const resetting = rig.post("/emulator/reset", { to: "one-key" });
    const meanwhile = await Promise.allSettled(
      Array.from({ length: 20 }, () => rig.call("DescribeKey", { KeyId: kept })),
    );
    await resetting;
    for (const outcome of meanwhile) {
      // Before the reset there was a fault; nothing was cut off.
      if (outcome.status === "rejected") assert.ok(outcome.reason instanceof ServiceError, String(outcome.reason));
    }
    assert.equal(await rig.countKeys(), 1);
    assert.ok((await rig.time()) - Date.parse(String(time)) < 60_000);
    assert.deepEqual((await rig.ask("GET", "/emulator/faults")).answer, { faults: [] });

    await rig.post("/emulator/reset", {});
    assert.equal(await rig.countKeys(), 0);
    const unknown = await rig.ask("POST", "/emulator/reset", { to: "another" });
    assert.equal(unknown.status, 404);
    assert.match(String(unknown.answer["error"]), /There are: fresh, one-key\./);
    assert.equal((await rig.ask("POST", "/emulator/snapshot", { name: "fresh" })).status, 409);
  });

  test("refuses what makes no sense, with a sentence, and changes nothing", async () => {
    const bodies: readonly (readonly [string, unknown, RegExp])[] = [
      ["/emulator/time", {}, /neither \{"set"/],
      ["/emulator/time", { advance: "P1Y" }, /no years and months/],
      ["/emulator/time", { advance: -1 }, /neither/],
      ["/emulator/time", { set: "tomorrow" }, /neither/],
      ["/emulator/time", { set: "2030-01-01T00:00:00Z", advance: 1 }, /neither/],
      ["/emulator/time", { set: "9999-12-31T23:59:59.999Z" }, /Time ends/],
      ["/emulator/faults", {}, /^effect: /],
      ["/emulator/faults", { effect: { kind: "explode" } }, /^effect/],
      ["/emulator/faults", { effect: { kind: "error", code: "NoSuchCode" } }, /not an error code/],
      ["/emulator/faults", { effect: { kind: "error", code: "toString" } }, /not an error code/],
      ["/emulator/faults", { operation: "Encrpt", effect: { kind: "drop", when: "before" } }, /^operation: /],
      ["/emulator/faults", { effect: { kind: "latency", millis: { from: 2, to: 1 } } }, /^effect\.millis: /],
      ["/emulator/faults", { effect: { kind: "latency", millis: 60_000 } }, /^effect\.millis: /],
      ["/emulator/faults", { probability: 0, effect: { kind: "drop", when: "after" } }, /^probability: /],
      ["/emulator/faults", { extra: 1, effect: { kind: "drop", when: "after" } }, /extra/],
      ["/emulator/snapshot", {}, /^name: /],
      ["/emulator/snapshot", { name: "../cinnabar" }, /^name: /],
      ["/emulator/snapshot", { name: ".hidden" }, /^name: /],
      ["/emulator/reset", { to: "../../etc/passwd" }, /^to: /],
    ];
    for (const [path, body, message] of bodies) {
      const { status, answer } = await rig.ask("POST", path, body);
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(String(answer["error"]), message, JSON.stringify(body));
    }
    assert.equal((await rig.ask("GET", "/emulator/secrets")).status, 404);
    assert.equal((await rig.ask("PUT", "/emulator/time", {})).status, 404);
    assert.deepEqual((await rig.ask("GET", "/emulator/faults")).answer, { faults: [] });
  });

  test("takes orders from this machine alone: from no proxy, no page, and in no form a page could send", async () => {
    const { host } = rig.server.adminUrl;
    const json = { "Content-Type": "application/json" };
    const attempts: readonly (readonly [number, Record<string, string>])[] = [
      [403, { ...json, Origin: "https://example.com" }],
      [403, { ...json, Origin: "null" }],
      [403, { ...json, "X-Forwarded-For": "192.0.2.1" }],
      [403, { ...json, Forwarded: "for=192.0.2.1" }],
      [403, { ...json, Via: "1.1 proxy" }],
      // A name that was made to stand for 127.0.0.1 after the page had loaded.
      [403, { ...json, Host: `rebound.example:${new URL(`http://${host}`).port}` }],
      [415, { "Content-Type": "text/plain" }],
      [415, { "Content-Type": "application/x-www-form-urlencoded" }],
      [415, {}],
      [400, json],
    ];
    for (const [status, headers] of attempts) {
      assert.equal(
        await rawPost(new URL("/emulator/time", rig.server.adminUrl), headers),
        status,
        JSON.stringify(headers),
      );
    }
  });
});

/** fetch does not let its caller choose some of the headers. */
function rawPost(url: URL, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: "POST", headers: { ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
    request.end("{}");
  });
}

test("an emulator's store outlives its process, log and all, with its time and its snapshots", async () => {
  await using rig = await Rig.create();
  const { data } = rig;
  const keyId = await rig.createKey();
  await rig.post("/emulator/time", { advance: "P30D" });
  await rig.post("/emulator/snapshot", { name: "kept" });
  await rig.server.kill("SIGKILL");

  await using again = await ServerProcess.start({ data, flags: FLAGS });
  const client = again.client();
  await client.call("DescribeKey", { KeyId: keyId });
  client.close();
  const state = (await (await fetch(new URL("/emulator", again.adminUrl))).json()) as {
    time: string;
    snapshots: string[];
  };
  assert.ok(Date.parse(state.time) >= Date.now() + 29 * DAY);
  assert.deepEqual(state.snapshots, ["fresh", "kept"]);
  await again.stop();
  const verifierKey = (await readFile(join(data, "audit-verifier.vkey"), "utf8")).trim();
  const { ok, findings } = await withDatabaseLogs(`sqlite:${join(data, "cinnabar.db")}`, (source) =>
    verifyAudit({ source, verifierKey }),
  );
  assert.ok(ok, JSON.stringify(findings));
});

describe("nobody but the emulator works on its store, and the emulator on no other", () => {
  let folder: string;
  let emulated: string;
  let served: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cinnabar-emulator-"));
    emulated = join(folder, "emulated");
    served = join(folder, "served");
    await (await ServerProcess.start({ data: emulated, flags: FLAGS })).stop();
    await (await ServerProcess.start({ data: served })).stop();
  });
  after(() => rm(folder, { recursive: true }));

  const refused = async (options: { data: string; flags?: readonly string[] }): Promise<string> => {
    const error: unknown = await ServerProcess.start(options).then(
      async (server) => {
        await server.kill("SIGKILL");
      },
      (error: unknown) => error,
    );
    assert.ok(error instanceof ServerEndedError, "it started");
    assert.notEqual(error.exitCode, 0);
    return error.output;
  };

  test("a server refuses an emulator's store", async () => {
    assert.match(await refused({ data: emulated }), /made by the emulator.*Only --emulator opens it/);
  });

  test("the emulator refuses a server's store", async () => {
    assert.match(await refused({ data: served, flags: FLAGS }), /not made by the emulator.*nothing was changed/);
    assert.ok(!(await readdir(served)).includes("snapshots"));
    await (await ServerProcess.start({ data: served })).stop();
  });

  test("a store that was edited to look like an emulator's, or like a server's, is refused", async () => {
    for (const [from, name, flags] of [
      [served, "emulator/0123456789abcdef", FLAGS],
      [emulated, "cinnabar/0123456789abcdef", []],
    ] as const) {
      const copy = join(folder, `edited-${flags.length}`);
      await cp(from, copy, { recursive: true });
      const database = new DatabaseSync(join(copy, "cinnabar.db"));
      database.prepare("UPDATE deployment SET origin = ?").run(name);
      database.close();
      assert.match(await refused({ data: copy, flags }), /deployment/);
    }
  });

  test("the emulator takes no root key and no directory of a deployment whose database is elsewhere", async () => {
    for (const name of ["root.key", "root.sealed", "root-access-key.json"]) {
      const directory = join(folder, `only-${name}`);
      await cp(served, directory, { recursive: true, filter: (path) => path === served || path.endsWith(name) });
      if (name === "root.sealed") await writeFile(join(directory, name), "sealed");
      assert.match(
        await refused({ data: directory, flags: FLAGS }),
        /the emulator works in a directory that it made itself/,
      );
      assert.deepEqual(await readdir(directory), [name]);
    }
    const empty = join(folder, "empty-database");
    await cp(served, empty, { recursive: true, filter: (path) => path === served || path.endsWith("root.key") });
    await writeFile(join(empty, "cinnabar.db"), "");
    assert.match(await refused({ data: empty, flags: FLAGS }), /makes a root key of its own/);
  });
});

test("no request and no header makes an emulator of a server", async () => {
  const data = await mkdtemp(join(tmpdir(), "cinnabar-no-emulator-"));
  try {
    await using server = await ServerProcess.start({ data });
    const headers = { "Content-Type": "application/json", "X-Cinnabar-Emulator": "true", Emulator: "true" };
    for (const base of [server.adminUrl, server.endpoint]) {
      for (const path of ["/emulator", "/emulator/time", "/emulator/faults", "/emulator/reset", "/?emulator=true"]) {
        for (const method of ["GET", "POST"]) {
          const body = method === "POST" ? JSON.stringify({ advance: "P1D" }) : null;
          const response = await fetch(new URL(path, base), { method, headers, body });
          await response.text();
          assert.equal(response.headers.get("x-cinnabar-emulator"), null);
          assert.ok(response.status >= 400, `${method} ${path}`);
          if (base === server.adminUrl) assert.equal(response.status, 404);
        }
      }
    }
    const client = server.client();
    const { KeyMetadata } = (await client.call("CreateKey", { Emulator: "true" })) as {
      KeyMetadata: { CreationDate: string };
    };
    assert.ok(Math.abs(Date.parse(KeyMetadata.CreationDate) - Date.now()) < 60_000);
    client.close();
  } finally {
    await rm(data, { recursive: true });
  }
});

test("what falls due on the way is done at its time and in its order", async () => {
  await using rig = await Rig.create();
  const windows = [30, 7, 366, 8];
  const keys = await Promise.all(windows.map(async (days) => ({ days, KeyId: await rig.createKey() })));
  for (const { days, KeyId } of keys) await rig.call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: days });
  const startedAt = await rig.time();
  await rig.post("/emulator/time", { advance: "P366D" });
  const destroyed: { keyId: string; day: number }[] = [];
  await withDatabaseLogs(`sqlite:${join(rig.data, "cinnabar.db")}`, async (source) => {
    for await (const batch of source.read(0)) {
      assert.ok(batch.kind !== "damage");
      for (const text of batch.events ?? []) {
        const event = JSON.parse(text) as { eventName: string; eventTime: string; resourceName: string };
        if (event.eventName !== "DestroyKey") continue;
        const day = Math.round((Date.parse(event.eventTime) - startedAt) / DAY);
        destroyed.push({ keyId: event.resourceName, day });
      }
    }
  });
  const expected = keys.toSorted((a, b) => a.days - b.days).map(({ KeyId, days }) => ({ keyId: KeyId, day: days }));
  assert.deepEqual(destroyed, expected);
});
