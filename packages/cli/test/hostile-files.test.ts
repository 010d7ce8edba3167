import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { test } from "node:test";
import { run } from "../src/index.ts";
import { MemoryIo } from "./memory-io.ts";
import { StubService } from "./stub-service.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

interface Fixture extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly stub: StubService;
  /** An encrypted file. */
  readonly file: Buffer;
  readonly credentials: string;
}

async function prepare(): Promise<Fixture> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await TemporaryFolder.create());
  const stub = cleanup.use(await StubService.start());
  const credentials = folder.join("credentials.json");
  await stub.writeCredentials(credentials);
  await writeFile(folder.join("plain"), "plain");
  const io = new MemoryIo();
  const encrypt = ["encrypt", folder.join("plain"), "-o", "-", "-k", "alias/reports", "--context", "team=sales"];
  assert.equal(await run([...encrypt, "--credentials", credentials], io), 0, io.stderr.text);
  const resources = cleanup.move();
  return {
    folder,
    stub,
    file: io.captured.bytes,
    credentials,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Decrypts from the standard input to `out`; gives what the command complains of. */
async function complaint({ folder, credentials }: Fixture, file: Uint8Array): Promise<string> {
  const io = new MemoryIo({ stdin: Buffer.from(file) });
  const exitCode = await run(["decrypt", "-", "-o", folder.join("out"), "--credentials", credentials], io);
  assert.equal(io.captured.text, "");
  assert.equal(exitCode, io.stderr.text.startsWith("cinnabar: ") ? 1 : 0);
  return io.stderr.text;
}

test("an altered file leaves no output, whichever byte was altered", async () => {
  await using fixture = await prepare();
  const { folder, file } = fixture;
  const expected =
    /^cinnabar: (the standard input (was altered|is cut short|is damaged|is not a file that|is in a version).* Nothing was written\.|The service refused: InvalidParameter: .*)\n$/;
  for (let at = 0; at < file.length; at++) {
    const altered = Buffer.from(file);
    altered[at]! ^= 1 << (at % 8);
    assert.match(await complaint(fixture, altered), expected, `byte ${at}`);
  }
  assert.deepEqual(await readdir(folder.path), ["credentials.json", "plain"]);
});

test("a file that was cut short or extended leaves no output", async () => {
  await using fixture = await prepare();
  const { folder, file } = fixture;
  for (let length = 0; length < file.length; length += 3) {
    assert.match(await complaint(fixture, file.subarray(0, length)), /Nothing was written\.\n$/, `${length} bytes`);
  }
  assert.match(await complaint(fixture, Buffer.concat([file, Buffer.of(0)])), /Nothing was written\.\n$/);
  assert.deepEqual(await readdir(folder.path), ["credentials.json", "plain"]);
  assert.match(await complaint(fixture, file), /^Decrypted/);
  assert.equal(await readFile(folder.join("out"), "utf8"), "plain");
});

test("a file is not believed that makes the service decrypt something else", async () => {
  await using fixture = await prepare();
  const { stub, file } = fixture;
  const notADataKey =
    "cinnabar: the standard input was altered or damaged: its header holds something other than a data key. Nothing was written.\n";
  for (stub.decrypted of ["", "a secret of another kind", "c2hvcnQ=", `${"A".repeat(43)}=\n`]) {
    assert.equal(await complaint(fixture, file), notADataKey);
  }
  stub.decrypted = `${"A".repeat(43)}=`;
  assert.match(await complaint(fixture, file), /its header does not verify/);
});

test("a file of a wrong context is refused before the service is asked", async () => {
  await using fixture = await prepare();
  const { folder, stub, file, credentials } = fixture;
  const asked = stub.requests.length;
  const io = new MemoryIo({ stdin: file });
  const args = ["decrypt", "-", "-o", folder.join("out"), "--context", "team=legal", "--credentials", credentials];
  assert.equal(await run(args, io), 1);
  assert.equal(stub.requests.length, asked);
});

test("an interrupted command leaves no output, also while it waits for input", async () => {
  await using fixture = await prepare();
  const { folder, file, credentials } = fixture;
  for (const args of [
    ["encrypt", "-", "-k", "alias/reports"],
    ["decrypt", "-"],
  ]) {
    const controller = new AbortController();
    const stdin = new Readable({ read: () => undefined });
    stdin.push(file);
    const io = new MemoryIo({ stdin, signal: controller.signal });
    const running = run([...args, "-o", folder.join("out"), "--credentials", credentials], io);
    while (!(await readdir(folder.path)).some((name) => name.startsWith(".cinnabar-"))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    controller.abort();
    assert.equal(await running, 1);
    assert.equal(io.stderr.text, "cinnabar: Interrupted.\n");
    assert.deepEqual(await readdir(folder.path), ["credentials.json", "plain"]);
  }
});
