import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { assertMigrated, migrate, type Migration, NewerStoreError, OlderStoreError } from "../src/store/migrations.ts";
import { connect, migrations } from "./support/deployment.ts";

forEachDatabase((database) => {
  test("migrating again changes nothing", async () => {
    await using instance = await database.create();
    const backend = await connect(instance.url);
    try {
      await migrate(backend, migrations);
      await migrate(backend, migrations);
      const { rows } = await backend.reader.execute("SELECT name FROM migration ORDER BY name", []);
      assert.deepEqual(
        rows.map(({ name }) => name),
        [...migrations.map(({ name }) => name), "lock"].toSorted(),
      );
    } finally {
      await backend.close();
    }
  });

  test("nodes that start together on an empty database migrate it once", async () => {
    await using instance = await database.create();
    let runs = 0;
    const counted: Migration = {
      name: "zz-0001-counted",
      up: async (db, { integer }) => {
        runs++;
        await db.schema.createTable("counted").addColumn("id", integer).execute();
      },
    };
    const backends = await Promise.all([1, 2, 3, 4].map(() => connect(instance.url)));
    try {
      await Promise.all(backends.map((backend) => migrate(backend, [...migrations, counted])));
      assert.equal(runs, 1);
    } finally {
      await Promise.all(backends.map((backend) => backend.close()));
    }
  });

  test("refuses a store with steps it does not know, and changes nothing", async () => {
    await using instance = await database.create();
    const backend = await connect(instance.url);
    try {
      await migrate(backend, [...migrations, { name: "zz-0001-later", up: () => Promise.resolve() }]);
      const older = [...migrations, { name: "zz-0000-mine", up: () => Promise.resolve() }];
      await assert.rejects(migrate(backend, older), (error: Error) => {
        assert.ok(error instanceof NewerStoreError);
        assert.match(error.message, /zz-0001-later/);
        return true;
      });
      const { rows } = await backend.reader.execute("SELECT name FROM migration WHERE name = 'zz-0000-mine'", []);
      assert.equal(rows.length, 0);
    } finally {
      await backend.close();
    }
  });

  test("who only looks is told of a schema that is older or newer than its own, and changes nothing", async () => {
    await using instance = await database.create();
    const backend = await connect(instance.url);
    try {
      await migrate(backend, migrations);
      await assertMigrated(backend, migrations);
      const later: Migration = { name: "zz-0001-later", up: () => Promise.resolve() };
      await assert.rejects(assertMigrated(backend, [...migrations, later]), (error: Error) => {
        assert.ok(error instanceof OlderStoreError);
        assert.match(error.message, /zz-0001-later\. Start a server/);
        return true;
      });
      await assertMigrated(backend, migrations);
      await migrate(backend, [...migrations, later]);
      await assert.rejects(assertMigrated(backend, migrations), NewerStoreError);
    } finally {
      await backend.close();
    }
  });

  test("a step that fails leaves none of its run behind", async () => {
    await using instance = await database.create();
    const backend = await connect(instance.url);
    try {
      const broken: Migration = {
        name: "zz-0001-broken",
        async up(db, { integer }) {
          await db.schema.createTable("half").addColumn("id", integer).execute();
          throw new Error("the second half is missing");
        },
      };
      await assert.rejects(migrate(backend, [...migrations, broken]), /second half/);
      await assert.rejects(backend.reader.execute("SELECT * FROM epoch", []));
      await assert.rejects(backend.reader.execute("SELECT * FROM half", []));
      await migrate(backend, migrations);
      assert.deepEqual((await backend.reader.execute("SELECT * FROM epoch", [])).rows, []);
    } finally {
      await backend.close();
    }
  });
});
