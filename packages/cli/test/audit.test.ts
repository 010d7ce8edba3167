import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../src/index.ts";
import { MemoryIo } from "./memory-io.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const program = fileURLToPath(new URL("../bin/cinnabar.js", import.meta.url));

async function cinnabar(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const io = new MemoryIo();
  const exitCode = await run(args, io);
  return { exitCode, stdout: io.captured.text, stderr: io.stderr.text };
}

describe("the audit commands", () => {
  let folder: TemporaryFolder;
  let data: string;
  let checkpoints: string;
  let delivered: string;
  let eventId: string;

  before(async () => {
    folder = await TemporaryFolder.create();
    data = folder.join("data");
    // A server that has answered a call and stopped leaves two logs, signed to their ends.
    delivered = folder.join("delivered.txt");
    const addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    const args = ["serve", "--data", data, ...addresses, "--checkpoint-to", delivered];
    const server = spawn(process.execPath, [program, ...args], { env: {}, stdio: ["ignore", "pipe", "ignore"] });
    await once(server.stdout, "data");
    const called = await cinnabar("call", "ListKeys", "--credentials", `${data}/root-access-key.json`);
    assert.equal(called.exitCode, 0, called.stderr);
    ({ RequestId: eventId } = JSON.parse(called.stdout) as { RequestId: string });
    // As a terminal does that ends.
    server.kill("SIGHUP");
    const [exitCode] = (await once(server, "exit")) as [number | null];
    assert.equal(exitCode, 0);
    const printed = await cinnabar("audit", "checkpoint", "--data", data);
    assert.equal(printed.stderr, "");
    assert.match(printed.stdout, /^cinnabar\/checkpoints\/v1\nlogs 2\nlog control\n/);
    checkpoints = folder.join("checkpoints.txt");
    await writeFile(checkpoints, printed.stdout);
  });

  after(() => folder[Symbol.asyncDispose]());

  test("the volume is shown for people and as JSON, whether a server has counted it or not", async () => {
    const shown = await cinnabar("audit", "volume", "--data", data);
    assert.equal(shown.exitCode, 0, shown.stderr);
    assert.match(shown.stdout, /^day +events +stored +per event +dropped by now\n\d{4}-\d\d-\d\d +\d+ events +/);
    assert.match(shown.stdout, /\nall days .*\nThe log takes \d+\.\d KiB now\.\n$/);
    const { stdout } = await cinnabar("audit", "volume", "--data", data, "--json", "--days", "1");
    const { days, total } = JSON.parse(stdout) as { days: { events: number }[]; total: { events: number } };
    using database = new DatabaseSync(`${data}/cinnabar.db`, { readOnly: true });
    assert.equal(total.events, database.prepare("SELECT sum(event_count) AS n FROM audit_batch").get()?.["n"]);
    assert.equal(days.length, 1);
    for (const wrong of ["0", "x", "9999"]) {
      const refused = await cinnabar("audit", "volume", "--data", data, "--days", wrong);
      assert.equal(refused.exitCode, 2);
      assert.match(refused.stderr, /--days is a whole number from 1 to 3660/);
    }
  });

  test("the store is found as a server finds it: by a configuration file or by variables, and flags go before", async () => {
    const config = folder.join("cinnabar.json");
    await writeFile(config, JSON.stringify({ data, listen: "0.0.0.0:8443", auditRetention: "90d" }));
    const verified = await cinnabar("audit", "verify", "--config", config);
    assert.match(verified.stdout, /\nThe audit log is intact\.\n$/, verified.stderr);
    const elsewhere = await cinnabar("audit", "verify", "--config", config, "--data", folder.join("nowhere"));
    assert.match(elsewhere.stderr, /nowhere\/audit-verifier\.vkey/);
    await writeFile(config, JSON.stringify({ database: `sqlite:${data}/cinnabar.db` }));
    const volume = await cinnabar("audit", "volume", "--config", config);
    assert.match(volume.stdout, /\nall days /, volume.stderr);
    const keyless = await cinnabar("audit", "verify", "--config", config);
    assert.equal(keyless.exitCode, 2);
    assert.match(keyless.stderr, /Add --key with the verifier key/);
    await writeFile(config, JSON.stringify({ databse: "sqlite:x" }));
    const misspelt = await cinnabar("audit", "volume", "--config", config);
    assert.equal(misspelt.exitCode, 2);
    assert.match(misspelt.stderr, /"databse"\. Did you mean "database"\?/);
    const key = folder.join("data/audit-verifier.vkey");
    const twice = await cinnabar("audit", "verify", "--from", folder.path, "--config", config, "--key", key);
    assert.match(twice.stderr, /give --from, or --data and --database/);

    const env = { CINNABAR_DATABASE: `sqlite:${data}/cinnabar.db` };
    const child = spawn(process.execPath, [program, "audit", "volume"], { env, cwd: folder.path, stdio: "pipe" });
    assert.match(await text(child.stdout), /\nall days /);
  });

  test("an event is proven by its own text as by its id, and by one of the two", async () => {
    const args = ["--data", data];
    const proof = await cinnabar("audit", "prove", eventId, ...args);
    const path = folder.join("kept.tlog-proof");
    await writeFile(path, proof.stdout);
    const verified = await cinnabar("audit", "verify", "--proof", path, "--data", data, "--json");
    const { event } = JSON.parse(verified.stdout) as { event: unknown };
    await writeFile(folder.join("event.json"), JSON.stringify(event, undefined, 2));
    const again = await cinnabar("audit", "prove", "--event", folder.join("event.json"), ...args);
    assert.equal(again.stdout, proof.stdout);
    for (const which of [[], [eventId, "--event", path]]) {
      assert.match((await cinnabar("audit", "prove", ...which, ...args)).stderr, /one of the two/);
    }
  });

  test("an untouched log is verified against a checkpoint that was printed before", async () => {
    const { exitCode, stdout, stderr } = await cinnabar("audit", "verify", "--data", data, "--checkpoint", checkpoints);
    assert.equal(exitCode, 0);
    assert.equal(stderr, "");
    assert.match(
      stdout,
      /^control: \d+ events in \d+ leaves, signed up to \d+ leaves\nshard-1: .*\nThe audit log is intact\.\n$/s,
    );
    assert(!stdout.includes("WRONG"));
  });

  test("a report as JSON says the same", async () => {
    const { exitCode, stdout } = await cinnabar("audit", "verify", "--data", data, "--json");
    assert.equal(exitCode, 0);
    const report = JSON.parse(stdout) as { ok: boolean; logs: { name: string }[] };
    assert.equal(report.ok, true);
    assert.deepEqual(
      report.logs.map(({ name }) => name),
      ["control", "shard-1"],
    );
  });

  test("exported files are verified without the database, and a change in them is found", async () => {
    const logs = folder.join("logs");
    const exported = await cinnabar("audit", "export", logs, "--data", data, "--with-events", "--json");
    assert.equal(exported.exitCode, 0, exported.stderr);
    const { logs: summaries } = JSON.parse(exported.stdout) as {
      logs: { name: string; size: number; signedSize: number }[];
    };
    assert.deepEqual(summaries.map(({ name }) => name).toSorted(), ["control", "shard-1"]);
    assert(summaries.every(({ size, signedSize }) => size === signedSize));
    assert((await readdir(`${logs}/control`)).includes("events.ndjson"));

    const key = folder.join("data/audit-verifier.vkey");
    const verify = ["audit", "verify", "--from", logs, "--key", key, "--checkpoint", checkpoints];
    assert.equal((await cinnabar(...verify)).exitCode, 0);

    const [entries = ""] = (await readdir(`${logs}/control/tile/entries/000.p`)).map(
      (name) => `${logs}/control/tile/entries/000.p/${name}`,
    );
    const bytes = await readFile(entries);
    bytes[bytes.length - 5]! ^= 1;
    await writeFile(entries, bytes);
    const found = await cinnabar(...verify);
    assert.equal(found.exitCode, 1);
    assert.match(found.stdout, / {2}WRONG {2}.*\nThe audit log is NOT intact\.\n$/s);
  });

  test("an export goes into an empty folder alone", async () => {
    const { exitCode, stderr } = await cinnabar("audit", "export", data, "--data", data);
    assert.equal(exitCode, 1);
    assert.equal(stderr, `cinnabar: The directory ${data} is not empty.\n`);
  });

  test("an export for people says what was written", async () => {
    const { exitCode, stdout, stderr } = await cinnabar("audit", "export", folder.join("other-logs"), "--data", data);
    assert.equal(exitCode, 0);
    assert.equal(stdout, "");
    assert.match(stderr, /^Exported to .*other-logs:\n {2}shard-1: .*\n {2}control: .* leaves\n$/);
  });

  test("a log that was removed together with its checkpoint is missed by the saved one", async () => {
    const copy = folder.join("cut.db");
    using source = new DatabaseSync(folder.join("data/cinnabar.db"), { readOnly: true });
    source.exec(`VACUUM INTO '${copy}'`);
    using database = new DatabaseSync(copy);
    database.exec("DELETE FROM audit_batch WHERE shard = 1; DELETE FROM checkpoint WHERE shard = 1");
    const verify = ["audit", "verify", "--data", data, "--database", `sqlite:${copy}`];
    const found = await cinnabar(...verify, "--checkpoint", checkpoints);
    assert.equal(found.exitCode, 1);
    assert.match(found.stdout, /WRONG/);
  });

  test("what a server delivered elsewhere finds that too", async () => {
    const verify = ["audit", "verify", "--data", data, "--checkpoint", delivered];
    const sound = await cinnabar(...verify);
    assert.equal(sound.exitCode, 0, sound.stdout);
    assert(!sound.stdout.includes("Without a saved checkpoint"));
    const found = await cinnabar(...verify, "--database", `sqlite:${folder.join("cut.db")}`);
    assert.equal(found.exitCode, 1);
    assert.match(found.stdout, /WRONG {2}missing-log/);
  });

  test("a proof of an event needs the verifier key alone, and no bit of it can be changed", async () => {
    const proved = await cinnabar("audit", "prove", eventId, "--data", data);
    assert.deepEqual([proved.exitCode, proved.stderr], [0, ""]);
    assert.match(proved.stdout, /^c2sp\.org\/tlog-proof@v1\nextra /);
    const [proof, key] = [folder.join("event.tlog-proof"), folder.join("key.txt")];
    await writeFile(proof, proved.stdout);
    await writeFile(key, await readFile(folder.join("data/audit-verifier.vkey")));
    const verify = ["audit", "verify", "--proof", proof, "--key", key];

    const { exitCode, stdout } = await cinnabar(...verify);
    assert.equal(exitCode, 0);
    const [sentence, event = ""] = stdout.split("\n");
    assert.equal(sentence, `The event ${eventId} is leaf 0 of shard-1, in a signed checkpoint of 2 leaves.`);
    const parsed = JSON.parse(event) as { eventName: string };
    assert.equal(parsed.eventName, "ListKeys");
    assert.deepEqual(JSON.parse((await cinnabar(...verify, "--json")).stdout), {
      ok: true,
      log: "shard-1",
      index: 0,
      size: 2,
      eventId,
      event: parsed,
    });

    await writeFile(proof, proved.stdout.replace("index 0", "index 1"));
    const found = await cinnabar(...verify);
    assert.equal(found.exitCode, 1);
    assert.equal(found.stdout, "");
    assert.match(found.stderr, /event\.tlog-proof: The proof does not hold: the inclusion proof leads to another root/);
    assert.equal((await cinnabar(...verify, "--from", data)).exitCode, 2);
  });

  test("an event that is not on record cannot be proven", async () => {
    const { exitCode, stdout, stderr } = await cinnabar("audit", "prove", "no-such-event", "--data", data);
    assert.deepEqual([exitCode, stdout], [1, ""]);
    assert.match(stderr, /^cinnabar: No event NO-SUCH-EVENT can be read in the logs\./);
  });

  test("a server refuses a store that lacks what it had delivered elsewhere", async () => {
    const older = folder.join("older");
    await cp(data, older, { recursive: true });
    const database = new DatabaseSync(`${older}/cinnabar.db`);
    database.exec(
      "DELETE FROM audit_batch WHERE shard = 0 AND seq = (SELECT max(seq) FROM audit_batch WHERE shard = 0)",
    );
    database.close();
    const args = ["serve", "--data", older, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    const server = spawn(process.execPath, [program, ...args, "--checkpoint-to", delivered], { env: {} });
    const [said] = await Promise.all([text(server.stderr), once(server, "exit")]);
    assert.equal(server.exitCode, 1);
    assert.match(said, /The store was put back to an older state, or is another one: .*delivered\.txt/);
  });

  test("a file that is not what audit checkpoint printed is refused by its name", async () => {
    const key = folder.join("data/audit-verifier.vkey");
    const { exitCode, stderr } = await cinnabar("audit", "verify", "--data", data, "--checkpoint", key);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^cinnabar: .*audit-verifier\.vkey: This is not a file of checkpoints/);
  });
});
