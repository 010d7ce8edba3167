import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type EntityKind, newKeyId, parseId, rootPrincipal, TamperedRowError } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { findAlias } from "../src/alias/alias-repository.ts";
import { keyKind } from "../src/key/key-repository.ts";
import { loadVersionRows } from "../src/version/version-repository.ts";
import { DAY_MILLIS, REGION, World } from "./world.ts";

const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
const NO_CHANGE = "Rejected.StateModifiedFailed: Keystate modified failed.";

interface Described {
  readonly KeyMetadata: Readonly<Record<string, string>>;
}
interface ListedKeys {
  readonly Keys: { readonly Key: readonly { readonly KeyId: string; readonly KeyArn: string }[] };
  readonly TotalCount: number;
}

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  async function metadata(keyId: string): Promise<Described["KeyMetadata"]> {
    return (await world.ok<Described>("DescribeKey", { KeyId: keyId })).KeyMetadata;
  }

  test("describes a new key with every published field", async () => {
    const { result, noted, resource } = await world.call("CreateKey", {
      Description: "for orders",
      KeySpec: "Aliyun_AES_256",
    });
    const { KeyMetadata: created } = result as unknown as Described;
    const { KeyId: id = "", PrimaryKeyVersion: version } = created;
    assert.match(id, /^[0-9a-f]{8}-/);
    const arn = `acs:kms:${REGION}:${world.accountId}:key/${id}`;
    assert.deepEqual(created, {
      KeyId: id,
      Arn: arn,
      Creator: world.accountId,
      Description: "for orders",
      KeySpec: "Aliyun_AES_256",
      KeyUsage: "ENCRYPT/DECRYPT",
      KeyState: "Enabled",
      Origin: "Aliyun_KMS",
      ProtectionLevel: "SOFTWARE",
      DKMSInstanceId: "",
      PrimaryKeyVersion: version,
      CreationDate: "2026-01-02T03:04:05Z",
      DeleteDate: "",
      MaterialExpireTime: "",
      LastRotationDate: "2026-01-02T03:04:05Z",
      AutomaticRotation: "Disabled",
    });
    assert.deepEqual([noted, resource], [{ keyId: id, keyRevision: 1 }, `ACS::KMS::Key ${id}`]);
    assert.deepEqual(await metadata(id), {
      ...created,
      DeletionProtection: "Disabled",
      DeletionProtectionDescription: "",
    });
  });

  test("moves a key through its states, and counts its revisions", async () => {
    const KeyId = await world.createKey();
    await world.ok("EnableKey", { KeyId });
    assert.equal((await world.call("DisableKey", { KeyId })).noted["keyRevision"], 1);
    assert.equal((await metadata(KeyId))["KeyState"], "Disabled");
    await world.ok("DisableKey", { KeyId });
    await world.ok("EnableKey", { KeyId });
    assert.equal((await world.call("DescribeKey", { KeyId })).noted["keyRevision"], 3);
    assert.equal(await world.refusal("CancelKeyDeletion", { KeyId }), NO_CHANGE);
    await world.ok("DisableKey", { KeyId });
    await world.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "366" });
    const pending = await metadata(KeyId);
    assert.equal(pending["KeyState"], "PendingDeletion");
    assert.equal(pending["DeleteDate"], "2027-01-03T03:04:05Z");
    for (const name of ["EnableKey", "DisableKey"]) assert.equal(await world.refusal(name, { KeyId }), NO_CHANGE);
    assert.equal(await world.refusal("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" }), NO_CHANGE);
    await world.ok("CancelKeyDeletion", { KeyId });
    assert.equal((await metadata(KeyId))["KeyState"], "Enabled");
    assert.equal((await metadata(KeyId))["DeleteDate"], "");
  });

  test("a key past its date is gone for every operation, and answers before it say until when they hold", async () => {
    await using own = await World.open(database);
    const KeyId = await own.createKey();
    const blob = await own.encrypt({ KeyId, Plaintext: "aGVsbG8=" });
    await own.ok("CreateAlias", { AliasName: "alias/going", KeyId });
    const kept = await own.createKey();
    await own.ok("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
    const deleteAt = Math.floor((own.now + 7 * DAY_MILLIS) / 1000) * 1000;

    own.now = deleteAt - 1;
    const described = await own.call("DescribeKey", { KeyId });
    assert.deepEqual([described.from, described.until], [0, deleteAt]);
    const refused = await own.call("Encrypt", { KeyId, Plaintext: "eA==" });
    assert.deepEqual([refused.error?.code, refused.until], ["Rejected.PendingDeletion", deleteAt]);
    const listed = await own.call("ListKeys");
    assert.deepEqual([listed.result?.["TotalCount"], listed.from, listed.until], [2, 0, deleteAt]);
    const aliases = await own.call("ListAliases");
    assert.deepEqual([aliases.result?.["TotalCount"], aliases.until], [1, deleteAt]);

    own.now = deleteAt;
    for (const [name, parameters] of Object.entries({
      DescribeKey: { KeyId },
      EnableKey: { KeyId },
      DisableKey: { KeyId },
      CancelKeyDeletion: { KeyId },
      ScheduleKeyDeletion: { KeyId, PendingWindowInDays: "7" },
      CreateAlias: { KeyId, AliasName: "alias/late" },
      Encrypt: { KeyId, Plaintext: "eA==" },
      Decrypt: { CiphertextBlob: blob },
      GenerateDataKey: { KeyId },
      GenerateDataKeyWithoutPlaintext: { KeyId },
    })) {
      const { error, from } = await own.call(name, parameters);
      assert.deepEqual([name, error?.code, from], [name, "Forbidden.KeyNotFound", deleteAt]);
    }
    const gone = "Forbidden.AliasNotFound: The specified Alias is not found.";
    assert.equal(await own.refusal("DescribeKey", { KeyId: "alias/going" }), gone);
    assert.equal(await own.refusal("DeleteAlias", { AliasName: "alias/going" }), gone);
    const left = await own.call("ListKeys");
    assert.deepEqual(
      (left.result as unknown as ListedKeys).Keys.Key.map((key) => key.KeyId),
      [kept],
    );
    assert.deepEqual([left.result?.["TotalCount"], left.from], [1, deleteAt]);
    assert.equal((await own.ok("ListAliases"))["TotalCount"], 0);
  });

  test("lists keys from the oldest on, page by page, with the number of all", async () => {
    await using own = await World.open(database);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push(await own.createKey());
      own.now += 1;
    }
    const other = await own.addAccount();
    await own.call("CreateKey", {}, { as: other });
    const page = async (parameters: Record<string, string>) => own.ok<ListedKeys>("ListKeys", parameters);
    const first = await page({ PageSize: "2" });
    assert.deepEqual(first, {
      Keys: {
        Key: ids.slice(0, 2).map((id) => ({ KeyId: id, KeyArn: `acs:kms:${REGION}:${own.accountId}:key/${id}` })),
      },
      PageNumber: 1,
      PageSize: 2,
      TotalCount: 5,
    });
    const third = await page({ PageSize: "2", PageNumber: "3" });
    assert.deepEqual(
      third.Keys.Key.map(({ KeyId }) => KeyId),
      ids.slice(4),
    );
    const beyond = await page({ PageNumber: "2147483647", PageSize: "100" });
    assert.deepEqual([beyond.Keys.Key, beyond.TotalCount], [[], 5]);
  });

  test("takes each operation's forms of KeyId, and finds no key of another account by them", async () => {
    const id = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/forms", KeyId: id });
    const other = await world.addAccount();
    const arn = (region: string, accountId: string, name: string) => `acs:kms:${region}:${accountId}:${name}`;
    const aliasGone = "Forbidden.AliasNotFound: The specified Alias is not found.";
    const forms: Record<string, readonly [describe: string, encrypt: string, disable: string]> = {
      [id]: ["no error", "no error", "no error"],
      "alias/forms": ["no error", "no error", "Unsupported.Alias: Alias is not valid for this api."],
      [arn(REGION, world.accountId, `key/${id}`)]: ["no error", "no error", NOT_FOUND],
      [arn(REGION, world.accountId, "alias/forms")]: [
        "no error",
        "no error",
        "Unsupported.Alias: Alias is not valid for this api.",
      ],
      [arn("cn-beijing", world.accountId, `key/${id}`)]: [NOT_FOUND, NOT_FOUND, NOT_FOUND],
      [arn(REGION, other, `key/${id}`)]: [NOT_FOUND, NOT_FOUND, NOT_FOUND],
      "alias/no-such": [aliasGone, aliasGone, "Unsupported.Alias: Alias is not valid for this api."],
      "alias/not~possible": [aliasGone, aliasGone, "Unsupported.Alias: Alias is not valid for this api."],
      [newKeyId()]: [NOT_FOUND, NOT_FOUND, NOT_FOUND],
      "nonsense \0": [NOT_FOUND, NOT_FOUND, NOT_FOUND],
    };
    for (const [KeyId, expected] of Object.entries(forms)) {
      const answers = [
        await world.refusal("DescribeKey", { KeyId }),
        await world.refusal("Encrypt", { KeyId, Plaintext: "eA==" }),
        await world.refusal("EnableKey", { KeyId }),
      ];
      assert.deepEqual([KeyId, ...answers], [KeyId, ...expected]);
    }
    const ownArn = arn(REGION, world.accountId, `key/${id}`);
    const ownAliasArn = arn(REGION, world.accountId, "alias/forms");
    for (const [KeyId, answer] of [
      [id, NOT_FOUND],
      [ownArn, NOT_FOUND],
      ["alias/forms", aliasGone],
      [ownAliasArn, aliasGone],
    ] as const) {
      const { error, noted, resource } = await world.call("Encrypt", { KeyId, Plaintext: "eA==" }, { as: other });
      assert.deepEqual([`${error?.code}: ${error?.message}`, noted, resource], [answer, {}, undefined]);
    }
  });

  test("says in the event which alias was used", async () => {
    const keyId = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/noted", KeyId: keyId });
    const { noted } = await world.call("DescribeKey", { KeyId: "alias/noted" });
    assert.deepEqual(noted, { alias: "alias/noted", keyId, keyRevision: 1 });
  });

  test("finds an edited state, swapped material and a missing version", async () => {
    const [one, other, third] = [await world.createKey(), await world.createKey(), await world.createKey()];
    await world.ok("DisableKey", { KeyId: one });
    await world.tamper((db) => db.updateTable("kms_key").set({ state: "Enabled" }).where("id", "=", one).execute());
    await assert.rejects(world.call("DescribeKey", { KeyId: one }), TamperedRowError);
    await assert.rejects(world.call("ListKeys", { PageSize: "100" }), TamperedRowError);

    await world.tamper(async (db) => {
      const { material } = await db
        .selectFrom("key_version")
        .select("material")
        .where("key_id", "=", one)
        .executeTakeFirstOrThrow();
      await db.updateTable("key_version").set({ material }).where("key_id", "=", other).execute();
    });
    await assert.rejects(world.call("Encrypt", { KeyId: other, Plaintext: "eA==" }), TamperedRowError);

    await world.tamper((db) => db.deleteFrom("key_version").where("key_id", "=", third).execute());
    await assert.rejects(world.call("DescribeKey", { KeyId: third }), TamperedRowError);
  });

  test("finds a key's rows, a version and an alias that are authentic and not what was asked for", async () => {
    const ids = [await world.createKey(), await world.createKey()];
    for (const [i, KeyId] of ids.entries()) await world.ok("CreateAlias", { AliasName: `alias/asked-${i}`, KeyId });
    // Of a database whose operators find all rows alike.
    const context = Object.assign(world.contextOf(rootPrincipal({ accountId: world.accountId, accessKeyId: "LTAI" })), {
      db: world.db.withPlugin({
        transformQuery({ node }) {
          if (node.kind !== "SelectQueryNode") return node;
          const { where: _, ...everything } = node;
          return everything;
        },
        transformResult: ({ result }) => Promise.resolve(result),
      }),
      find: <E extends object>(kind: EntityKind<E>, id: string) => kind.load(context, id),
    });
    const { accountId } = world;
    const readEach = [
      (id: string) => keyKind.load(context, id),
      (id: string) => loadVersionRows(context, parseId("Key", id)),
      (_: string, i: number) => findAlias(context, { accountId, name: `alias/asked-${i}` }),
    ];
    for (const read of readEach) {
      await assert.rejects(Promise.all(ids.map(async (id, i) => read(id, i))), TamperedRowError);
    }
  });
});
