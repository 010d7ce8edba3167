import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WatchedServer } from "./support/watched-server.ts";

// What a server itself says when somebody writes to its database who has no key: a line of its log, and its metrics.
// Which tampering is found is tested with each table (store-sweep.test.ts and store-tampered-changes.test.ts of kernel,
// tampering.test.ts of testkit).

const POLL_MILLIS = 5;

let server: WatchedServer;
before(async () => {
  server = await WatchedServer.start();
});
after(() => server[Symbol.asyncDispose]());

test("a key's state that was edited raises the alarm when the key is used, and at the next sweep", async () => {
  const id = await server.createKey();
  await server.root.call("DisableKey", { KeyId: id });
  await using _ = await server.edit("kms_key", `id = '${id}'`, { state: "Enabled" });
  await server.raisesAlarm("a row was tampered with", async () => {
    const { status, body } = await server.root.attempt("Encrypt", { KeyId: id, Plaintext: "text" });
    assert.equal(status, 500);
    assert.match(String(body), /"InternalFailure"/);
  });
  await server.raisesAlarmAtSweep(/^kms_key: a row does not carry its MAC$/);
});

test("key material swapped between two keys raises the alarm when either is used, and at the next sweep", async () => {
  const ids = [await server.createKey(), await server.createKey()];
  const [one, other] = ids.map((id) => `key_id = '${id}'`);
  assert.ok(one !== undefined && other !== undefined);
  const [ofOne, ofOther] = [await server.read("key_version", one), await server.read("key_version", other)];
  await using edits = new AsyncDisposableStack();
  edits.use(await server.edit("key_version", one, { material: ofOther["material"] ?? null }));
  edits.use(await server.edit("key_version", other, { material: ofOne["material"] ?? null }));
  for (const id of ids) {
    await server.raisesAlarm("a row was tampered with", async () => {
      assert.equal((await server.root.attempt("Encrypt", { KeyId: id, Plaintext: "text" })).status, 500);
    });
  }
  await server.raisesAlarmAtSweep(/^key_version: a row does not carry its MAC$/);
});

test("a row that is put back as it was once raises the alarm at the next sweep", async () => {
  const id = await server.createKey();
  const where = `id = '${id}'`;
  const enabled = await server.read("kms_key", where);
  await server.root.call("DisableKey", { KeyId: id });
  await using _ = await server.edit("kms_key", where, enabled);
  await server.raisesAlarmAtSweep(
    /^the rows are not the ones that were written: a row was put back, deleted or inserted$/,
  );
});

test("a row that is deleted raises the alarm at the next sweep", async () => {
  await server.root.call("CreateAlias", { AliasName: "alias/deleted", KeyId: await server.createKey() });
  const alias = await server.read("alias", "name = 'alias/deleted'");
  await server.write("DELETE FROM alias WHERE name = 'alias/deleted'");
  await server.raisesAlarmAtSweep(
    /^the rows are not the ones that were written: a row was put back, deleted or inserted$/,
  );
  const names = Object.keys(alias);
  await server.write(
    `INSERT INTO alias (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
    Object.values(alias),
  );
});

test("a server whose tag was taken away raises the alarm and puts it right", async () => {
  const id = await server.createKey();
  await server.write("UPDATE shard SET tag = randomblob(16)");
  await server.raisesAlarm("the store was tampered with", async () => {
    await server.root.call("Encrypt", { KeyId: id, Plaintext: "text" });
  });
  assert.deepEqual(await server.readiness(), { ready: true, reasons: [] });
});

test("a server that cannot put its tag right is not ready, says why, and answers when it can", async () => {
  const id = await server.createKey();
  await server.write("UPDATE shard SET tag = randomblob(16)");
  await server.write("CREATE TRIGGER leaves_out BEFORE UPDATE ON shard BEGIN SELECT RAISE(IGNORE); END");
  const answer = server.root.attempt("Encrypt", { KeyId: id, Plaintext: "text" });
  while (await server.isReady()) await sleep(POLL_MILLIS);
  assert.ok((await server.readiness()).reasons.includes("the audit log cannot be written"));
  assert.equal(await server.metric('cinnabar_alarm{alarm="log-unavailable"}'), 1);
  while (server.alarms("log-unavailable").length === 0) await sleep(POLL_MILLIS);
  const [line] = server.alarms("log-unavailable");
  assert.match(String(line?.err?.message), /is refused though the epoch is locked/);
  assert.ok(server.alarms("tampered-row").length > 0);
  await server.write("DROP TRIGGER leaves_out");
  // As long as it took, it was 503 or is the answer itself.
  assert.ok([200, 503].includes((await answer).status));
  await server.root.call("Encrypt", { KeyId: id, Plaintext: "text" });
  assert.equal(await server.isReady(), true);
});

test("when all is as it was, a sweep finds nothing", async () => {
  assert.deepEqual(await server.sweep(), []);
});
