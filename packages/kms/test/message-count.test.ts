import assert from "node:assert/strict";
import { test } from "node:test";
import { isId, type KeyVersionId, MessageBlocks, newKeyVersionId } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { changeReservedMessages, findVersionRow } from "../src/version/version-repository.ts";
import { blockOf, MAX_MESSAGES } from "../src/version/message-limits.ts";
import { World } from "./world.ts";

const FIRST_BLOCK = 2 ** 10;

test("a process takes as many messages as it has reserved, and not one more", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.option(fc.nat(5), { nil: undefined })), { maxLength: 60 }), (steps) => {
      const versions = [newKeyVersionId(), newKeyVersionId(), newKeyVersionId()];
      const blocks = new MessageBlocks();
      const left = [0, 0, 0];
      for (const [index, reserved] of steps) {
        const version = versions[index] ?? assert.fail();
        const expected = left[index] ?? assert.fail();
        if (reserved === undefined) {
          assert.equal(blocks.has(version), expected > 0);
          assert.equal(blocks.take(version), expected > 0);
          left[index] = Math.max(0, expected - 1);
        } else {
          blocks.add(version, reserved);
          left[index] = expected + reserved;
        }
      }
    }),
  );
});

/** Uses a version once, and reserves a block before if that is needed. @returns how many messages that took. */
function use(blocks: MessageBlocks, version: KeyVersionId): number {
  if (blocks.take(version)) return 0;
  const block = blocks.nextBlock(version);
  blocks.add(version, block);
  assert.equal(blocks.take(version), true);
  return block;
}

test("a process that ends loses no more of a version than it has used of it, and a first block", () => {
  const [blocks, version] = [new MessageBlocks(), newKeyVersionId()];
  let reserved = 0;
  for (let used = 0; used < 2 ** 20; used++) {
    const block = use(blocks, version);
    reserved += block;
    if (block > 0) assert.ok(block <= 2 ** 18 && reserved - used <= used + FIRST_BLOCK, `${used} used`);
  }
  assert.equal(blocks.nextBlock(version), 2 ** 18);
});

test("versions of others wear no version out, however many of them take its place in memory", () => {
  const blocks = new MessageBlocks(100);
  const [version, others] = [newKeyVersionId(), Array.from({ length: 100 }, newKeyVersionId)];
  const rounds = 300;
  let reserved = 0;
  for (let i = 0; i < rounds; i++) {
    reserved += use(blocks, version);
    for (const other of others) use(blocks, other);
  }
  assert.equal(reserved, rounds * FIRST_BLOCK);
});

test("blocks that many processes reserve, in whatever order, never come to more than a version may encrypt", () => {
  let reserved = MAX_MESSAGES - 3 * FIRST_BLOCK - 17;
  const blocks: number[] = [];
  for (let i = 0; i < 4; i++) {
    const block = blockOf(FIRST_BLOCK, reserved);
    blocks.push(block);
    reserved += block;
  }
  assert.deepEqual(blocks, [FIRST_BLOCK, FIRST_BLOCK, FIRST_BLOCK, 17]);
  assert.equal(reserved, MAX_MESSAGES);
  assert.throws(() => blockOf(FIRST_BLOCK, reserved), { code: "Rejected.LimitExceeded" });
});

forEachDatabase((database) => {
  test("messages of the specs with short nonces are reserved before they are encrypted", async () => {
    await using world = await World.open(database);
    for (const KeySpec of ["Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4"]) {
      const KeyId = await world.createKey({ KeySpec });
      const blob = await world.encrypt({ KeyId, Plaintext: "text" });
      const versionId = versionOf(blob);
      assert.deepEqual(world.prepared.splice(0), [
        { keyVersionId: versionId, messages: FIRST_BLOCK, reservedBefore: 0 },
      ]);
      assert.equal(await reservedOf(world, versionId), FIRST_BLOCK);
      // The rest of the block is this process's.
      for (const name of ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"]) await world.ok(name, { KeyId });
      const moved = await world.ok<{ CiphertextBlob: string }>("ReEncrypt", {
        CiphertextBlob: blob,
        DestinationKeyId: KeyId,
      });
      const { Plaintext } = await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob: moved.CiphertextBlob });
      assert.equal(Plaintext, "text");
      assert.deepEqual(world.prepared, []);
      assert.equal(await reservedOf(world, versionId), FIRST_BLOCK);
      // Whoever has used a block reserves twice as many.
      while (world.custody.messages.take(versionId));
      await world.encrypt({ KeyId, Plaintext: "text" });
      assert.deepEqual(world.prepared.splice(0), [
        { keyVersionId: versionId, messages: 2 * FIRST_BLOCK, reservedBefore: FIRST_BLOCK },
      ]);
    }
  });

  test("keys with long nonces are not counted", async () => {
    await using world = await World.open(database);
    const blob = await world.encrypt({ KeyId: await world.createKey(), Plaintext: "text" });
    assert.deepEqual(world.prepared, []);
    assert.equal(await reservedOf(world, versionOf(blob)), 0);
  });

  test("a version that has encrypted all it may says so, and only another version of its key goes on", async () => {
    await using world = await World.open(database);
    const KeyId = await world.createKey({ KeySpec: "Aliyun_AES_128" });
    const blob = await world.encrypt({ KeyId, Plaintext: "text" });
    const versionId = versionOf(blob);
    while (world.custody.messages.take(versionId));
    await setReserved(world, versionId, MAX_MESSAGES - 2);
    world.prepared.splice(0);
    for (let i = 0; i < 2; i++) await world.encrypt({ KeyId, Plaintext: "text" });
    assert.deepEqual(world.prepared.splice(0), [
      { keyVersionId: versionId, messages: 2, reservedBefore: MAX_MESSAGES - 2 },
    ]);
    for (const [name, parameters] of [
      ["Encrypt", { KeyId, Plaintext: "text" }],
      ["GenerateDataKey", { KeyId }],
      ["ReEncrypt", { CiphertextBlob: blob, DestinationKeyId: KeyId }],
    ] as const) {
      assert.equal(
        await world.refusal(name, parameters),
        "Rejected.LimitExceeded: The request was rejected because user create resource limit was exceeded. The key version has encrypted as many messages as it may, 2^32. CreateKeyVersion gives the key another one to encrypt with, in the instance protocol by its Advance operations alone; what this one has encrypted it still decrypts.",
      );
    }
    assert.equal((await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob: blob })).Plaintext, "text");
    await world.ok("CreateKeyVersion", { KeyId });
    const next = await world.encrypt({ KeyId, Plaintext: "text" });
    assert.notEqual(versionOf(next), versionId);
    assert.equal((await world.ok<{ Plaintext: string }>("Decrypt", { CiphertextBlob: blob })).Plaintext, "text");
  });

  test("a count that was set back is noticed", async () => {
    await using world = await World.open(database);
    const KeyId = await world.createKey({ KeySpec: "Aliyun_AES_128" });
    const versionId = versionOf(await world.encrypt({ KeyId, Plaintext: "text" }));
    await world.tamper((db) =>
      db.updateTable("key_version").set({ messages_reserved: 0 }).where("id", "=", versionId).execute(),
    );
    await assert.rejects(world.call("Encrypt", { KeyId, Plaintext: "text" }), { name: "TamperedRowError" });
  });
});

function versionOf(blob: string): KeyVersionId {
  const id = Buffer.from(blob, "base64").toString("latin1", 0, 36);
  assert(isId("KeyVersion", id));
  return id;
}

async function reservedOf({ db, guard }: World, versionId: KeyVersionId): Promise<number | undefined> {
  return (await findVersionRow({ db, guard }, versionId))?.reservedMessages;
}

async function setReserved({ db, guard, backend }: World, versionId: KeyVersionId, reserved: number): Promise<void> {
  const row = await findVersionRow({ db, guard }, versionId);
  assert(row);
  const { statement } = changeReservedMessages({ db, guard }, row, reserved);
  await backend.transaction("write", (connection) => connection.execute(statement.sql, statement.parameters));
}
