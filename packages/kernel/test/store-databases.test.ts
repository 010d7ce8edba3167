import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { forEachDatabase, startPostgres } from "@cinnabar/testkit";
import { kyselyOn } from "../src/store/kysely-dialect.ts";
import { openPostgresql } from "../src/store/postgresql/open-postgresql.ts";
import { UnsafeDatabaseError } from "../src/store/postgresql/unsafe-database-error.ts";
import { SqliteBackend } from "../src/store/sqlite/sqlite-backend.ts";
import { connect, TestDeployment } from "./support/deployment.ts";
import { readEvents } from "./support/read-log.ts";
import { TestRequest } from "./support/test-request.ts";
import { thingRow, thingTable } from "./support/thing.ts";

forEachDatabase((database) => {
  test("values of every type come back as they were written, at their limits too", async () => {
    await using instance = await database.create();
    const backend = await connect(instance.url);
    try {
      const db = kyselyOn<{ value: { text: string; integer: number; bytes: Uint8Array } }>(
        backend.kind,
        backend.reader,
      );
      const types = backend.kind === "sqlite" ? ["text", "integer", "blob"] : ["text", "bigint", "bytea"];
      await backend.transaction("write", async (connection) => {
        await connection.execute(`CREATE TABLE value (text ${types[0]}, integer ${types[1]}, bytes ${types[2]})`, []);
      });
      const rows = [
        { text: "", integer: 0, bytes: new Uint8Array() },
        { text: "ä漢😀'\"\\", integer: Number.MAX_SAFE_INTEGER, bytes: Uint8Array.from({ length: 256 }, (_, i) => i) },
        { text: "\n\t", integer: Number.MIN_SAFE_INTEGER, bytes: new Uint8Array([0]) },
      ];
      await backend.transaction("write", async (connection) => {
        await kyselyOn<{ value: (typeof rows)[0] }>(backend.kind, connection)
          .insertInto("value")
          .values(rows)
          .execute();
      });
      const found = await db.selectFrom("value").selectAll().orderBy("integer").execute();
      assert.deepEqual(
        found.map(({ text, integer, bytes }) => ({ text, integer, bytes: new Uint8Array(bytes) })),
        rows.toSorted((a, b) => a.integer - b.integer),
      );
    } finally {
      await backend.close();
    }
  });

  test("a transaction sees what it wrote and nobody else does before it has committed", async () => {
    await using deployment = await TestDeployment.create(database);
    const count = async (): Promise<number> =>
      (await deployment.backend.reader.execute("SELECT 1 AS one FROM checkpoint", [])).rows.length;
    await deployment.backend.transaction("write", async (connection) => {
      await connection.execute("INSERT INTO checkpoint (shard, size, note) VALUES (9, 1, 'x')", []);
      assert.equal((await connection.execute("SELECT 1 AS one FROM checkpoint", [])).rows.length, 1);
      assert.equal(await count(), 0);
    });
    assert.equal(await count(), 1);
  });

  test("a snapshot stays what it was", async () => {
    await using deployment = await TestDeployment.create(database);
    await deployment.backend
      .transaction("snapshot", async (connection) => {
        const count = async (): Promise<number> =>
          (await connection.execute("SELECT 1 AS one FROM checkpoint", [])).rows.length;
        assert.equal(await count(), 0);
        await deployment.backend.transaction("write", async (writer) => {
          await writer.execute("INSERT INTO checkpoint (shard, size, note) VALUES (9, 1, 'x')", []);
        });
        assert.equal(await count(), 0);
        await assert.rejects(connection.execute("DELETE FROM checkpoint", []));
      })
      .catch((error: unknown) => {
        // PostgreSQL does not let a transaction end well after a failed statement.
        assert.equal(deployment.backend.kind, "postgresql", String(error));
      });
    assert.equal((await deployment.backend.reader.execute("SELECT 1 AS one FROM checkpoint", [])).rows.length, 1);
  });
});

forEachDatabase((database) => {
  if (database.name === "sqlite") {
    test("on a full disk batches wait, nothing is lost, and all goes on when there is room", async () => {
      await using deployment = await TestDeployment.create(database);
      await using process = await deployment.open();
      const { guard, reader, committer } = process.store;
      const limit = async (pages: number): Promise<void> => {
        // The limit belongs to a connection: it is set on the one that writes.
        await process.backend.transaction("write", async (connection) => {
          await connection.execute(`PRAGMA max_page_count = ${pages}`, []);
        });
      };
      await limit(1);
      const big = "x".repeat(20_000);
      const request = new TestRequest({ inserts: [thingTable.insert(guard, reader, thingRow("big", { note: big }))] });
      committer.submit(request);
      while (process.observer.troubles.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(request.settled, 0);
      assert.equal(committer.isHealthy, false);
      await assert.rejects(process.addThings({ id: "control", note: big }), /full/);
      assert.deepEqual(await readEvents(deployment.backend, process.shard), []);
      await limit(1_000_000);
      await request.answered;
      assert.equal(committer.isHealthy, true);
      assert.deepEqual(process.observer.fences, []);
      assert.deepEqual(await deployment.sweep(), { rows: 2, problems: [] });
    });

    test("every commit is flushed to disk, and readers write nothing", async () => {
      await using deployment = await TestDeployment.create(database);
      await deployment.backend.transaction("write", async (connection) => {
        assert.deepEqual(
          (await connection.execute("PRAGMA journal_mode", [])).rows.map((row) => ({ ...row })),
          [{ journal_mode: "wal" }],
        );
        assert.deepEqual(
          (await connection.execute("PRAGMA synchronous", [])).rows.map((row) => ({ ...row })),
          [{ synchronous: 2 }],
        );
      });
      await assert.rejects(deployment.backend.reader.execute("DELETE FROM epoch", []), /readonly/);
    });

    test("refuses a file that is no database, and leaves it as it is", async () => {
      await using instance = await database.create();
      const path = instance.url.slice("sqlite:".length);
      const text = "this is a letter and no database ".repeat(100);
      writeFileSync(path, text);
      await assert.rejects(SqliteBackend.open(path), /not a database/);
      assert.equal(readFileSync(path, "utf8"), text);
    });
    return;
  }

  test("refuses PostgreSQL with settings under which an acknowledged commit could be lost", async () => {
    await using server = await startPostgres();
    const url = await server.createDatabase();
    await (await openPostgresql(url)).close();
    for (const [name, value] of [
      ["fsync", "off"],
      ["full_page_writes", "off"],
      ["synchronous_commit", "off"],
      ["synchronous_commit", "local"],
      ["synchronous_commit", "remote_write"],
    ] as const) {
      await server.setting({ name, value });
      await assert.rejects(openPostgresql(url), (error: Error) => {
        assert.ok(error instanceof UnsafeDatabaseError, String(error));
        assert.match(error.message, new RegExp(`${name} = ${value}`));
        return true;
      });
      await server.setting({ name, value: "on" });
    }
    await server.setting({ name: "synchronous_commit", value: "remote_apply" });
    const backend = await openPostgresql(url);
    try {
      // Of the database and of the role: whatever holds in the session counts.
      for (const whose of ["DATABASE %I', current_database()", "ROLE %I', current_user"]) {
        const alter = (what: string): Promise<void> =>
          backend.transaction("write", async (connection) => {
            await connection.execute(`DO $$ BEGIN EXECUTE format('ALTER ${whose}) || ' ${what}'; END $$`, []);
          });
        await alter("SET synchronous_commit = off");
        await assert.rejects(openPostgresql(url), UnsafeDatabaseError);
        await alter("RESET synchronous_commit");
        await (await openPostgresql(url)).close();
      }
    } finally {
      await backend.close();
    }
  });

  test("a setting that becomes unsafe is noticed at the next connection, and batches wait", async () => {
    await using deployment = await TestDeployment.create(database);
    await using process = await deployment.open();
    const alter = (what: string): Promise<void> =>
      deployment.backend.transaction("write", async (connection) => {
        await connection.execute(
          `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I', current_database()) || ' ${what}'; END $$`,
          [],
        );
      });
    await alter("SET synchronous_commit = off");
    await deployment.backend.reader.execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      [],
    );
    const request = new TestRequest();
    process.store.committer.submit(request);
    while (!process.observer.troubles.some((trouble) => trouble instanceof UnsafeDatabaseError)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal(request.settled, 0);
    await alter("RESET synchronous_commit");
    await request.answered;
  });
});
