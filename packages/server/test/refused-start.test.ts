import assert from "node:assert/strict";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ServerEndedError, ServerProcess } from "@cinnabar/testkit";
import { cinnabar } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

/** The alarms in what a server said that would not start. */
async function alarmsOf(start: Promise<ServerProcess>): Promise<Record<string, unknown>[]> {
  const error: unknown = await start.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ServerEndedError, String(error));
  assert.equal(error.exitCode, 1);
  return error.output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((entry) => "alarm" in entry);
}

test("a server that has no root key for its store raises an alarm and names the page", async (context) => {
  const data = join(await temporaryDirectory(context), "data");
  assert.equal((await cinnabar(["init", `--data=${data}`])).code, 0);
  await rename(join(data, "root.key"), join(data, "away"));
  const [alarm, ...more] = await alarmsOf(ServerProcess.start({ data }));
  assert.equal(more.length, 0);
  const { level, alarm: name, runbook, msg } = alarm ?? {};
  assert.deepEqual([level, name, runbook], ["fatal", "seal-missing", "docs/runbooks/seal-missing.md"]);
  assert.match(String(msg), /^The store is sealed under the root key \S+, and there is none in file /);
});

test("a server whose store was put back raises an alarm, and serves again once that was meant", async (context) => {
  const directory = await temporaryDirectory(context);
  const [data, checkpoints] = [join(directory, "data"), join(directory, "checkpoints")];
  const options = { data, flags: [`--checkpoint-to=${checkpoints}`] };
  assert.equal((await cinnabar(["init", `--data=${data}`])).code, 0);
  const database = join(data, "cinnabar.db");
  const before = await readFile(database);
  {
    await using server = await ServerProcess.start(options);
    const client = server.client();
    await client.call("CreateKey");
    client.close();
    await server.stop();
  }
  for (const suffix of ["-wal", "-shm"]) await rm(`${database}${suffix}`, { force: true });
  await writeFile(database, before);
  const [alarm] = await alarmsOf(ServerProcess.start(options));
  assert.deepEqual([alarm?.["alarm"], alarm?.["runbook"]], ["put-back", "docs/runbooks/put-back.md"]);
  await rename(checkpoints, `${checkpoints}-until-restore`);
  await using server = await ServerProcess.start(options);
  await server.stop();
});

test("other refusals raise no alarm: whoever started the server reads why", async (context) => {
  const data = join(await temporaryDirectory(context), "data");
  assert.equal((await cinnabar(["init", `--data=${data}`])).code, 0);
  assert.deepEqual(await alarmsOf(ServerProcess.start({ data, database: "postgresql://nobody@127.0.0.1:1/none" })), []);
});
