import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { run } from "../src/index.ts";
import { MemoryIo } from "./memory-io.ts";
import { StubService } from "./stub-service.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const certificate = new URL("vectors/loopback.pem", import.meta.url);
const tls = {
  cert: readFileSync(certificate, "utf8"),
  key: readFileSync(new URL("vectors/loopback-key.pem", import.meta.url), "utf8"),
};

test("an endpoint with a certificate of its own is trusted with --ca, and without it is not", async () => {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start({ tls });
  await stub.writeCredentials(folder.join("credentials.json"));
  await writeFile(folder.join("plain"), "plain");
  const args = [
    "encrypt",
    folder.join("plain"),
    "-k",
    "alias/reports",
    "--credentials",
    folder.join("credentials.json"),
  ];

  const refused = new MemoryIo();
  assert.equal(await run(args, refused), 1);
  assert.match(
    refused.stderr.text,
    /^cinnabar: Cannot call https:.*add --ca with the ca\.pem of its data directory\.\n$/,
  );
  assert.equal(stub.requests.length, 0);

  const trusted = new MemoryIo();
  assert.equal(await run([...args, "--ca", fileURLToPath(certificate)], trusted), 0, trusted.stderr.text);
  assert.deepEqual(
    stub.requests.map(({ action }) => action),
    ["GenerateDataKey"],
  );
});

test("a session's credentials are sent with their token", async () => {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start();
  const path = folder.join("session.json");
  await stub.writeCredentials(path);
  const session = { ...(JSON.parse(readFileSync(path, "utf8")) as object), SecurityToken: "the-token" };
  await writeFile(path, JSON.stringify(session));
  const io = new MemoryIo();
  assert.equal(await run(["call", "DescribeRegions", "--credentials", path], io), 0, io.stderr.text);
  assert.deepEqual(
    stub.requests.map(({ securityToken }) => securityToken),
    ["the-token"],
  );
});

test("a credentials file is never repeated in an error", async () => {
  await using folder = await TemporaryFolder.create();
  await writeFile(folder.join("plain"), "plain");
  for (const text of [
    '{"AccessKeyId":"a","AccessKeySecret":"hunter2"',
    '"hunter2"',
    '{"AccessKeySecret":"hunter2"}',
    "null",
  ]) {
    await writeFile(folder.join("credentials.json"), text);
    const io = new MemoryIo();
    const args = ["encrypt", folder.join("plain"), "-k", "k", "--credentials", folder.join("credentials.json")];
    assert.equal(await run(args, io), 1);
    assert.match(io.stderr.text, /credentials\.json is no credentials file/);
    assert(!io.stderr.text.includes("hunter2"));
  }
});

test("binary output is not written to a terminal", async () => {
  await using folder = await TemporaryFolder.create();
  await writeFile(folder.join("plain"), "plain");
  const io = new MemoryIo({ terminal: true });
  assert.equal(await run(["encrypt", folder.join("plain"), "-o", "-", "-k", "k"], io), 2);
  assert.match(io.stderr.text, /The standard output is a terminal/);
});
