import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Client } from "pg";
import { forEachDatabase, skipWithout, type TestDatabase } from "@cinnabar/testkit";

const declared: TestDatabase["name"][] = [];

forEachDatabase((database) => {
  declared.push(database.name);

  test("gives a database that is empty and shares nothing with another", async () => {
    await using one = await database.create();
    await using other = await database.create();
    assert.notEqual(one.url, other.url);
    await execute(one.url, "create table thing (id text primary key)");
    await execute(other.url, "create table thing (id text primary key)");
  });

  test("drops a database with all that is in it", async () => {
    const instance = await database.create();
    await execute(instance.url, "create table thing (id text primary key)");
    await instance.drop();
    if (instance.url.startsWith("sqlite:")) {
      assert.equal(existsSync(dirname(sqlitePath(instance.url))), false);
    } else {
      await assert.rejects(execute(instance.url, "select 1"), { code: "3D000" });
    }
  });
});

test("tests are declared for SQLite, then for PostgreSQL unless it is known to be missing", () => {
  assert.deepEqual(declared, skipWithout("postgresql") === false ? ["sqlite", "postgresql"] : ["sqlite"]);
});

async function execute(url: string, sql: string): Promise<void> {
  if (url.startsWith("sqlite:")) {
    using database = new DatabaseSync(sqlitePath(url));
    database.exec(sql);
    return;
  }
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function sqlitePath(url: string): string {
  return url.slice("sqlite:".length);
}
