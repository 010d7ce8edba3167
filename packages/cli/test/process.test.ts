import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, stat, truncate, unlink, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { StubService } from "./stub-service.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const program = fileURLToPath(new URL("../bin/cinnabar.js", import.meta.url));
const MIB = 1024 * 1024;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Command {
  readonly args: readonly string[];
  readonly cwd: string;
  /** Limits the size of files, in blocks of 512 bytes. */
  readonly fileBlocks?: number;
  readonly stdin?: "pipe";
  /** A file descriptor. */
  readonly stdout?: number;
}

function start({ args, cwd, fileBlocks, stdin, stdout }: Command): ChildProcess {
  const command = [process.execPath, program, ...args];
  const [file = "", ...rest] =
    fileBlocks === undefined ? command : ["/bin/sh", "-c", `ulimit -f ${fileBlocks}; exec "$@"`, "sh", ...command];
  return spawn(file, rest, { cwd, env: {}, stdio: [stdin ?? "ignore", stdout ?? "pipe", "pipe"] });
}

async function ended(child: ChildProcess): Promise<Ended> {
  const read = (stream: ChildProcess["stdout"]) => (stream === null ? "" : text(stream));
  const [exit, stdout, stderr] = await Promise.all([once(child, "close"), read(child.stdout), read(child.stderr)]);
  const [code, signal] = exit as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

function execute(command: Command): Promise<Ended> {
  return ended(start(command));
}

async function fileAppears(folder: string, pattern: RegExp): Promise<void> {
  while (!(await readdir(folder)).some((name) => pattern.test(name)))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

test("files of 128 MiB are encrypted and decrypted in constant memory", async () => {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start();
  await stub.writeCredentials(folder.join("credentials.json"));
  const size = 128 * MIB;
  await writeFile(folder.join("big"), "");
  await truncate(folder.join("big"), size);
  await writeFile(folder.join("small"), "small");
  const measured = fileURLToPath(new URL("measured.ts", import.meta.url));
  const peakBytes = async (...args: string[]) => {
    const child = spawn(process.execPath, [measured, ...args, "--credentials", "credentials.json"], {
      cwd: folder.path,
    });
    const { code, stdout, stderr } = await ended(child);
    assert.equal(code, 0, stderr);
    return Number(stdout);
  };

  const least = await peakBytes("encrypt", "small", "-k", "alias/reports");
  const encrypting = await peakBytes("encrypt", "big", "-k", "alias/reports");
  const decrypting = await peakBytes("decrypt", "big.cinnabar", "-o", "copy");

  assert.equal((await stat(folder.join("copy"))).size, size);
  for (const peak of [encrypting, decrypting]) {
    // What is already used may wait for the garbage collector; the file as a whole would not fit.
    assert(peak - least < size, `${peak} bytes at most, and ${least} for a small file`);
  }
});

test("a command that is killed leaves nothing under the result's name", async () => {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start();
  await stub.writeCredentials(folder.join("credentials.json"));
  const args = ["encrypt", "-", "-o", "out", "-k", "alias/reports", "--credentials", "credentials.json"];
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"] as const) {
    const child = start({ args, cwd: folder.path, stdin: "pipe" });
    // What the process has not read when it ends cannot be written.
    child.stdin?.on("error", () => undefined).write(Buffer.alloc(MIB));
    await fileAppears(folder.path, /^\.cinnabar-.*\.tmp$/);
    child.kill(signal);
    const end = await ended(child);
    assert.equal(end.signal, signal);
    const left = (await readdir(folder.path)).filter((name) => name !== "credentials.json");
    if (signal === "SIGKILL") {
      assert.equal(left.length, 1);
      assert.match(left[0] ?? "", /^\.cinnabar-/);
      await unlink(folder.join(left[0] ?? ""));
    } else {
      assert.deepEqual(left, []);
      assert.equal(end.stderr, "cinnabar: Interrupted.\n");
    }
  }
});

test("a full disk leaves no output", async () => {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start();
  await stub.writeCredentials(folder.join("credentials.json"));
  await writeFile(folder.join("file"), Buffer.alloc(MIB));
  const credentials = ["--credentials", "credentials.json"];
  const [cwd, fileBlocks] = [folder.path, 100];

  const encrypted = await execute({
    args: ["encrypt", "file", "-k", "alias/reports", ...credentials],
    cwd,
    fileBlocks,
  });
  assert.equal(encrypted.code, 1);
  assert.equal(encrypted.stderr, "cinnabar: Cannot write file.cinnabar: file too large.\n");
  assert.deepEqual(await readdir(cwd), ["credentials.json", "file"]);

  assert.equal((await execute({ args: ["encrypt", "file", "-k", "alias/reports", ...credentials], cwd })).code, 0);
  const decrypted = await execute({
    args: ["decrypt", "file.cinnabar", "-o", "copy", ...credentials],
    cwd,
    fileBlocks,
  });
  assert.equal(decrypted.code, 1);
  assert.deepEqual(await readdir(cwd), ["credentials.json", "file", "file.cinnabar"]);

  const piped = await execute({ args: ["decrypt", "file.cinnabar", "-o", "-", ...credentials], cwd, fileBlocks });
  assert.equal(piped.code, 1);
  assert.equal(piped.stdout, "");
  assert.match(piped.stderr, /^cinnabar: Cannot write a temporary file in .*: file too large\.\n$/);
});

test("a standard output that is full ends the command with code 1", async () => {
  await using folder = await TemporaryFolder.create();
  const full = openSync("/dev/full", "w");
  try {
    const { code, stderr } = await execute({ args: ["--help"], cwd: folder.path, stdout: full });
    assert.equal(code, 1);
    assert.equal(stderr, "cinnabar: Cannot write to the standard output: no space left on device.\n");
  } finally {
    closeSync(full);
  }
});

test("without --credentials those in the data directory are used, and said to be", async () => {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start();
  await writeFile(folder.join("file"), "file");
  const args = ["encrypt", "file", "-k", "alias/reports"];
  const without = await execute({ args, cwd: folder.path });
  assert.equal(without.code, 2);
  assert.match(without.stderr, /^cinnabar: No credentials: add --credentials FILE/);

  await mkdir(folder.join("data"));
  await stub.writeCredentials(folder.join("data/root-access-key.json"));
  const used = await execute({ args, cwd: folder.path });
  assert.equal(used.code, 0);
  assert.match(used.stderr, /^Using the credentials in data\/root-access-key\.json\.\nEncrypted file /);
});

test("the version is that of the package", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const { code, stdout } = await execute({ args: ["--version"], cwd: "/" });
  assert.deepEqual({ code, stdout }, { code: 0, stdout: `${manifest.version}\n` });
});

test("a Node that is too old is told so in one sentence", async () => {
  await using folder = await TemporaryFolder.create();
  const pretend = folder.join("pretend.mjs");
  await writeFile(pretend, `Object.defineProperty(process.versions, "node", { value: "24.14.9" });`);
  const child = spawn(process.execPath, ["--import", pretend, program, "--help"]);
  const { code, stdout, stderr } = await ended(child);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^Cinnabar needs Node 24\.15 or newer, and this is Node 24\.14\.9\. .*\n$/);
});

test("commands of the server get their options as they are, --help too", async () => {
  for (const command of [
    "serve",
    "init",
    "clock reset",
    "account list",
    "access-key list",
    "service list",
    "ram provider list",
  ]) {
    const words = command.split(" ");
    const help = await execute({ args: [...words, "--help"], cwd: "/" });
    assert.equal(help.code, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`^Usage: cinnabar ${command} `));
    const wrong = await execute({ args: [...words, "--no-such-setting", "--version"], cwd: "/" });
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /^cinnabar: .*--no-such-setting/);
  }
});
