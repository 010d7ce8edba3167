import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  kernelMigrations,
  kyselyOn,
  migrate,
  newAccountId,
  newKeyId,
  newKeyVersionId,
  openPostgresql,
  ProtectedTable,
  RootKey,
  RowGuard,
  rowGuardKeys,
  SqliteBackend,
} from "@cinnabar/kernel";
import { kmsMigrations } from "@cinnabar/kms";
import { forEachDatabase } from "@cinnabar/testkit";
import { keyTable } from "../src/key/key-row.ts";

/** The table as its first version made it. */
const firstKeyTable = new ProtectedTable("kms_key", {
  columns: {
    id: "text",
    account_id: "text",
    spec: "text",
    usage: "text",
    origin: "text",
    protection_level: "text",
    state: "text",
    delete_at: "integer?",
    description: "text",
    creator: "text",
    created_at: "integer",
    primary_version: "text",
  },
  identity: ["id"],
});

forEachDatabase((database) => {
  test("a key of the first schema holds after every later step, and is not protected from deletion", async () => {
    const instance = await database.create();
    const backend =
      database.name === "sqlite"
        ? await SqliteBackend.open(instance.url.slice("sqlite:".length))
        : await openPostgresql(instance.url);
    try {
      await migrate(backend, [...kernelMigrations, ...kmsMigrations.slice(0, 1)]);
      const guard = new RowGuard(rowGuardKeys(new RootKey(randomBytes(32))));
      const db = kyselyOn<{ kms_key: Record<string, unknown> }>(backend.kind, backend.reader);
      const accountId = newAccountId();
      const row = {
        id: newKeyId(),
        account_id: accountId,
        spec: "Aliyun_AES_256",
        usage: "ENCRYPT/DECRYPT",
        origin: "Aliyun_KMS",
        protection_level: "SOFTWARE",
        state: "Enabled",
        delete_at: null,
        description: "from before",
        creator: accountId,
        created_at: 1_767_323_045_678,
        primary_version: newKeyVersionId(),
      };
      const { statement } = firstKeyTable.insert(guard, kyselyOn(backend.kind, backend.reader), row);
      await backend.transaction("write", (connection) => connection.execute(statement.sql, statement.parameters));

      await migrate(backend, [...kernelMigrations, ...kmsMigrations]);
      const raw = await db.selectFrom("kms_key").selectAll().where("id", "=", row.id).executeTakeFirstOrThrow();
      assert.deepEqual(keyTable.verify(guard, raw), {
        row: {
          ...row,
          deletion_protection: null,
          deletion_scheduled_at: null,
          policy: null,
          instance_id: null,
          rotation_interval: null,
          rotate_at: null,
          is_default: null,
          was_disabled: null,
        },
        revision: 1,
      });
    } finally {
      await backend.close();
      await instance.drop();
    }
  });
});
