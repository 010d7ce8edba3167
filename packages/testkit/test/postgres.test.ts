import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type QueryResultRow } from "pg";
import { sharedPostgres, skipWithout, startPostgres } from "@cinnabar/testkit";

describe("the test PostgreSQL", { skip: skipWithout("postgresql") }, () => {
  test("is as durable as in production and takes connections from this machine alone", async () => {
    const url = (await sharedPostgres()).url("postgres");
    const settings = await query<{ name: string; setting: string }>(
      url,
      `select name, setting from pg_settings
       where name in ('fsync', 'full_page_writes', 'listen_addresses', 'max_connections', 'synchronous_commit')
       order by name`,
    );
    assert.deepEqual(
      settings.map(({ name, setting }) => `${name}=${setting}`),
      ["fsync=on", "full_page_writes=on", "listen_addresses=127.0.0.1", "max_connections=100", "synchronous_commit=on"],
    );
  });

  test("refuses a wrong password", async () => {
    const url = new URL((await sharedPostgres()).url("postgres"));
    url.password = "wrong";
    await assert.rejects(query(url.href, "select 1"), { code: "28P01" });
  });

  test("is one server for the whole process", async () => {
    assert.equal(await sharedPostgres(), await sharedPostgres());
  });

  test("keeps what was committed when the postmaster is killed, at the same address", async () => {
    await using server = await startPostgres();
    const url = await server.createDatabase();
    await query(url, "create table kept (id text primary key)");
    for (const signal of ["SIGKILL", "SIGQUIT", "SIGINT"] as const) {
      await query(url, `insert into kept values ('${signal}')`);
      const { pid } = server;
      server.kill(signal);
      await server.restart();
      assert.notEqual(server.pid, pid);
    }
    const rows = await query<{ id: string }>(url, "select id from kept");
    assert.deepEqual(rows.map(({ id }) => id).toSorted(), ["SIGINT", "SIGKILL", "SIGQUIT"]);
  });

  test("changes a setting for every later session", async () => {
    await using server = await startPostgres();
    await server.setting({ name: "synchronous_commit", value: "off" });
    const [row] = await query<{ value: string }>(
      server.url("postgres"),
      "select current_setting('synchronous_commit') as value",
    );
    assert.equal(row?.value, "off");
  });

  test("is gone with its data after stop, which may be called twice", async () => {
    const server = await startPostgres();
    const [row] = await query<{ data: string }>(
      server.url("postgres"),
      "select current_setting('data_directory') as data",
    );
    const { pid } = server;
    await server.stop();
    await server.stop();
    assert.equal(isAlive(pid), false);
    assert.equal(existsSync(row?.data ?? "/"), false);
  });

  test("does not outlive the process that started it, even one that is killed", async () => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", STARTS_AND_WAITS], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [output] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
    const pid = Number(output);
    assert.equal(isAlive(pid), true);
    child.kill("SIGKILL");
    const endAt = Date.now() + 10_000;
    while (isAlive(pid) && Date.now() < endAt) await sleep(20);
    assert.equal(isAlive(pid), false);
  });
});

const STARTS_AND_WAITS = `
import { startPostgres } from "@cinnabar/testkit";
const server = await startPostgres();
console.log(server.pid);
setInterval(() => undefined, 1000);
`;

async function query<Row extends QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Whether a process runs; one that has ended and only waits for its parent to notice does not. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}
