import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  ServerEndedError,
  ServerProcess,
  type ServerProcessOptions,
  sharedPostgres,
  skipWithout,
} from "@cinnabar/testkit";
import { accessDatabase, type DatabaseAccess } from "../src/crash/database-access.ts";
import { temporaryDirectory } from "../src/crash/temporary-directory.ts";

test("a second server on a data directory is refused with a sentence, and the first goes on", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  assert.match(await refusal({ data }), new RegExp(`^cinnabar: .*${data}.*\\.\n$`));
  const client = server.client();
  await client.call("ListKeys");
  client.close();
  await server.stop();
});

test("a server with another root key, or none, is refused on SQLite and nothing is touched", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  await server.stop();
  await using other = await ServerProcess.start({ data: join(directory.path, "other") });
  await other.stop();

  const url = `sqlite:${join(data, "cinnabar.db")}`;
  const before = await fingerprint(url);
  const files = await readdir(data);
  assert.match(await refusal({ data, rootKeyFile: join(directory.path, "other", "root.key") }), /sealed under/);
  assert.match(await refusal({ data, rootKeyFile: join(directory.path, "nowhere.key") }), /sealed under/);
  assert.equal(await fingerprint(url), before);
  assert.deepEqual(await readdir(data), files);
  assert.deepEqual((await readdir(directory.path)).toSorted(), ["node", "other"], "no key file was made");

  await using again = await ServerProcess.start({ data });
  await again.stop();
});

test("a server whose root-access-key.json is damaged ends by itself, and leaves the data directory free", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  await server.stop();

  const path = join(data, "root-access-key.json");
  const intact = await readFile(path);
  await writeFile(path, '{"AccessKeySecret":"half a se');
  const said = await refusal({ data });
  assert.match(said, /root-access-key\.json is damaged/);
  assert.doesNotMatch(said, /half a se/);
  await writeFile(path, intact);
  await using again = await ServerProcess.start({ data });
  await again.stop();
});

test("an empty store beside the credentials of another one is refused, and the credentials stay", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  await server.stop();

  const path = join(data, "root-access-key.json");
  const before = await readFile(path);
  const database = `sqlite:${join(directory.path, "misspelled.db")}`;
  assert.match(await refusal({ data, database }), /^cinnabar: The store is empty, .* Is --database right\?/);
  assert.deepEqual(await readFile(path), before);
  await using again = await ServerProcess.start({ data });
  await again.stop();
});

describe("several nodes on one PostgreSQL", { skip: skipWithout("postgresql") }, () => {
  test("a node without the root key is refused with a sentence, and nothing is touched", async () => {
    await using directory = await temporaryDirectory();
    const postgres = await sharedPostgres();
    const database = await postgres.createDatabase();
    const firstData = join(directory.path, "first");
    await using first = await ServerProcess.start({ data: firstData, database });
    await first.stop();
    const before = await fingerprint(database);

    const secondData = join(directory.path, "second");
    const withoutKey = await refusal({ data: secondData, database });
    assert.match(withoutKey, /^cinnabar: The store is sealed under the root key .* Name the right one with --seal/m);
    assert.doesNotMatch(withoutKey, /cinnabar:[^@]*@127/, "the database's password is not shown");
    assert.equal(await fingerprint(database), before);
    const files = await readdir(secondData);
    assert.ok(!files.includes("root.key") && !files.some((name) => name.startsWith("root-access-key.json")));

    const ownData = join(directory.path, "own");
    await using own = await ServerProcess.start({ data: ownData });
    await own.stop();
    assert.match(
      await refusal({ data: secondData, database, rootKeyFile: join(ownData, "root.key") }),
      /^cinnabar: The store is sealed under the root key .*, but the one in .* is /m,
    );
    assert.equal(await fingerprint(database), before);
    await postgres.dropDatabase(database);
  });

  test("a further node serves with the first one's root key, and makes no key or credentials of its own", async () => {
    await using directory = await temporaryDirectory();
    const postgres = await sharedPostgres();
    const database = await postgres.createDatabase();
    const data = join(directory.path, "first");
    const rootKeyFile = join(data, "root.key");
    const flags = ["--compatibility=strict"];
    await using first = await ServerProcess.start({ data, database, flags });
    const rootKey = await readFile(rootKeyFile);
    const secondData = join(directory.path, "second");
    const { credentials } = first;
    await using second = await ServerProcess.start({ data: secondData, database, rootKeyFile, credentials, flags });

    const [one, other] = [first.client(), second.client()];
    // Both asked at once, they make one default key between them.
    const asked = await Promise.allSettled(
      [one, other, one, other].map((client, index) => client.call(index < 2 ? "CreateKey" : "EnableDefaultKey")),
    );
    const refused = asked.flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
    assert.equal(refused.length, 3, refused.join("\n"));
    for (const reason of refused) assert.match(reason, /This action is not supported\. The account has its one/);
    const [KeyId = ""] = asked.flatMap((result) =>
      result.status === "fulfilled" ? [(result.value["KeyMetadata"] as { KeyId: string }).KeyId] : [],
    );
    const { CiphertextBlob } = await other.call("Encrypt", { KeyId, Plaintext: "from node to node" });
    const { Plaintext } = await one.call("Decrypt", { CiphertextBlob: String(CiphertextBlob) });
    assert.equal(Plaintext, "from node to node");
    one.close();
    other.close();

    const files = await readdir(secondData);
    assert.ok(!files.includes("root.key") && !files.some((name) => name.startsWith("root-access-key.json")));
    assert.deepEqual(await readFile(rootKeyFile), rootKey);
    await second.stop();
    await first.stop();
    await postgres.dropDatabase(database);
  });
});

/** Starts a server that must not start. @returns what it said on standard error and output. */
async function refusal(options: ServerProcessOptions): Promise<string> {
  try {
    await using server = await ServerProcess.start(options);
    throw new assert.AssertionError({ message: `a server started that must be refused:\n${server.output}` });
  } catch (error) {
    assert.ok(error instanceof ServerEndedError, String(error));
    assert.equal(error.exitCode, 1);
    return error.output;
  }
}

/** A digest of every row of every table of ours. */
async function fingerprint(url: string): Promise<string> {
  await using database = await accessDatabase(url);
  const digest = createHash("sha256");
  for (const table of await tableNames(database, url)) {
    const rows = await database.execute(`SELECT * FROM ${table}`);
    digest.update(
      `${table}\n${rows
        .map((row) => JSON.stringify(Object.entries(row)))
        .toSorted()
        .join("\n")}\n`,
    );
  }
  return digest.digest("hex");
}

async function tableNames(database: DatabaseAccess, url: string): Promise<string[]> {
  const rows = await database.execute(
    url.startsWith("sqlite:")
      ? "SELECT name FROM sqlite_master WHERE type = 'table'"
      : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  return rows.map(({ name }) => String(name)).toSorted();
}
