import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { createLogger, type Logger } from "@cinnabar/kernel";
import { ServerProcess } from "@cinnabar/testkit";
import { LogOutput } from "../src/log-output.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const MIB = 1_048_576;

/** A pipe whose reader reads when it is told to. */
class Pipe {
  readonly path: string;
  readonly writeEnd: number;
  #readEnd: number;
  #text = "";

  private constructor(path: string) {
    this.path = path;
    this.#readEnd = openSync(path, O_RDONLY | O_NONBLOCK);
    this.writeEnd = openSync(path, O_WRONLY | O_NONBLOCK);
  }

  static async make(context: TestContext): Promise<Pipe> {
    const path = join(await temporaryDirectory(context), "pipe");
    assert.equal(spawnSync("mkfifo", [path]).status, 0);
    const pipe = new Pipe(path);
    context.after(() => {
      closeSync(pipe.#readEnd);
      closeSync(pipe.writeEnd);
    });
    return pipe;
  }

  /** Leaves room for nothing. Not by a {@link LogOutput}: it would go on trying to write when the descriptor is another's. */
  fill(): void {
    const bytes = Buffer.alloc(65_536, "x");
    assert.throws(
      () => {
        while (writeSync(this.writeEnd, bytes) > 0);
      },
      { code: "EAGAIN" },
    );
  }

  /** The reader goes away, for good as far as the writer can tell. */
  leave(): void {
    closeSync(this.#readEnd);
  }

  comeBack(): void {
    this.#readEnd = openSync(this.path, O_RDONLY | O_NONBLOCK);
  }

  /** Reads until the last line read is about something. @returns all lines up to now. */
  async readUntil(pattern: RegExp): Promise<Record<string, unknown>[]> {
    const buffer = Buffer.alloc(65_536);
    while (!pattern.test(this.#text.slice(-1_000)) || !this.#text.endsWith("\n")) {
      try {
        const bytes = readSync(this.#readEnd, buffer);
        if (bytes === 0) await sleep(1);
        this.#text += buffer.toString("utf8", 0, bytes);
      } catch {
        await sleep(1);
      }
    }
    return linesOf(this.#text);
  }
}

/** Every line is whole, or this throws. */
function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function loggerTo(output: LogOutput): Logger {
  const log = createLogger({ level: "info", destination: output, now: Date.now });
  output.onDropped((lines) => log.warn({ lines }, "lines were dropped"));
  return log;
}

/** Lines of 1 KiB and more, of about so many bytes together. @returns how many. */
function fill(log: Logger, bytes: number): number {
  const lines = Math.ceil(bytes / 1_100);
  for (let n = 0; n < lines; n++) log.info({ n, filling: "x".repeat(1_024) }, "filled");
  return lines;
}

test("a pipe that nobody reads takes no line and holds nobody up: what does not fit is counted, and told once", async (context) => {
  const pipe = await Pipe.make(context);
  const output = new LogOutput({ fd: pipe.writeEnd, isFile: false });
  const log = loggerTo(output);
  const logged = fill(log, 2 * MIB);
  assert.ok(output.dropped > 0);
  const { dropped } = output;
  log.error("an alarm");
  assert.equal(output.dropped, dropped, "there is room for an error");
  log.info({ filling: "x".repeat(1_024) }, "for this there is not");
  assert.equal(output.dropped, dropped + 1);

  const lines = await pipe.readUntil(/lines were dropped/);
  assert.deepEqual(
    lines.map(({ msg, lines: told }) => told ?? msg),
    [...Array.from({ length: logged - dropped }, () => "filled"), "an alarm", dropped + 1],
  );
  assert.deepEqual(
    lines.slice(0, -2).map(({ n }) => n),
    Array.from({ length: logged - dropped }, (_, n) => n),
  );
  log.info("and on");
  assert.equal((await pipe.readUntil(/and on/)).at(-1)?.["msg"], "and on");
  assert.equal(output.dropped, dropped + 1);
});

test("errors do not fill the memory either", async (context) => {
  const pipe = await Pipe.make(context);
  const output = new LogOutput({ fd: pipe.writeEnd, isFile: false });
  const log = loggerTo(output);
  for (let n = 0; n < 2_000; n++) log.error({ filling: "x".repeat(1_024) }, "failed");
  assert.ok(output.dropped > 500);
  await pipe.readUntil(/lines were dropped/);
});

test("a reader that goes away takes nobody with it, and one that comes later reads on", async (context) => {
  const pipe = await Pipe.make(context);
  const log = loggerTo(new LogOutput({ fd: pipe.writeEnd, isFile: false }));
  pipe.leave();
  log.info("while nobody is there");
  pipe.comeBack();
  assert.equal((await pipe.readUntil(/nobody/)).length, 1);
});

for (const isFile of [true, false]) {
  test(`a full disk fails nobody, ${isFile ? "as a file" : "as a device"}`, async () => {
    const fd = openSync("/dev/full", O_WRONLY);
    const output = new LogOutput({ fd, isFile });
    const log = loggerTo(output);
    fill(log, 2 * MIB);
    assert.ok(output.dropped > 0);
    await sleep(1);
    // Not closed: a thread may still be writing.
    output.finish();
  });
}

test("lines to a file are in order, and those that wait when the process ends are not lost", async (context) => {
  const path = join(await temporaryDirectory(context), "log");
  const fd = openSync(path, "w");
  const output = new LogOutput({ fd, isFile: true });
  const log = loggerTo(output);
  const logged = fill(log, 100_000);
  const isWritten = (): boolean => linesOf(readFileSync(path, "utf8")).length === logged;
  while (!isWritten()) await sleep(1);
  assert.deepEqual(
    linesOf(readFileSync(path, "utf8")).map(({ n }) => n),
    Array.from({ length: logged }, (_, n) => n),
  );

  for (const word of ["the", "last", "words"]) log.fatal(word);
  output.finish();
  const lastWords = (): unknown[] =>
    linesOf(readFileSync(path, "utf8"))
      .slice(logged)
      .map(({ msg }) => msg);
  // The first of them was with a thread, which the end of a process waits for.
  while (lastWords().length < 3) await sleep(1);
  assert.deepEqual(new Set(lastWords()), new Set(["the", "last", "words"]));
  closeSync(fd);
});

test("at the end of the process, what waits is given to a reader who is only slow", async (context) => {
  const pipe = await Pipe.make(context);
  const output = new LogOutput({ fd: pipe.writeEnd, isFile: false });
  const logged = fill(loggerTo(output), 200_000);
  // Another process: this one waits.
  const read = `${pipe.path}.read`;
  const copy = openSync(read, "w");
  const reader = spawn("head", ["-n", String(logged), pipe.path], { stdio: ["ignore", copy, "inherit"] });
  closeSync(copy);
  await once(reader, "spawn");
  output.finish();
  await once(reader, "close");
  assert.equal(linesOf(readFileSync(read, "utf8")).length, logged);
});

test("a server whose log nobody reads serves, and ends when it is told to", async (context) => {
  const pipe = await Pipe.make(context);
  // Before the server has said a word.
  pipe.fill();
  const data = join(await temporaryDirectory(context), "data");
  const wrapper = ["sh", "-c", 'exec "$@" 2>"$0"', pipe.path];
  await using server = await ServerProcess.start({ data, wrapper, bundles: true });
  const refused = await Promise.all(Array.from({ length: 30 }, () => fetch(new URL("/?x=1", server.endpoint))));
  assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set([400]));
  assert.equal((await fetch(new URL("/readyz", server.adminUrl))).status, 200);
  assert.equal(await server.metric("cinnabar_log_dropped_lines_total"), 0, "they wait");
  await server.stop();
});
