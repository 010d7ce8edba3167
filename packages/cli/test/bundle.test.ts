import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { hash, randomInt } from "node:crypto";
import { once } from "node:events";
import { chmod, readdir, readFile, rename, rm, stat, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { copySources, ServerProcess } from "@cinnabar/testkit";
import { takeBuiltins } from "../src/bundle/builtins.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const COMMAND = "packages/server/src/commands/serve.ts";
const BUILDER = "packages/cli/src/bundle/build-main.ts";
/** What `serve --help` begins with, in the sources and in a bundle of theirs that was marked. */
const USAGE = "Usage: cinnabar serve [SETTINGS]";
const MARKED = "Usage: the bundle [SETTINGS]";
const REBUILD_MILLIS = 120_000;

/** A copy of this checkout's sources, with a cache of its own. */
class Checkout implements AsyncDisposable {
  readonly bundle: string;
  readonly #folder: TemporaryFolder;
  #path: string;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
    this.#path = folder.join("checkout");
    this.bundle = this.path("node_modules/.cache/cinnabar/bundle/cinnabar.mjs");
  }

  static async create(): Promise<Checkout> {
    const checkout = new Checkout(await TemporaryFolder.create());
    await copySources(checkout.#path);
    return checkout;
  }

  path(name = ""): string {
    return join(this.#path, name);
  }

  data(name: string): string {
    return this.#folder.join(name);
  }

  async move(): Promise<void> {
    const from = this.#path;
    this.#path = this.#folder.join("moved");
    await rename(from, this.#path);
    for (const name of await readdir(this.path("packages"))) {
      const link = this.path(`node_modules/@cinnabar/${name}`);
      await unlink(link);
      await symlink(this.path(`packages/${name}`), link);
    }
  }

  build(): Promise<unknown> {
    return promisify(execFile)(process.execPath, [this.path(BUILDER)]);
  }

  async edit(file: string, find: string, replacement: string): Promise<void> {
    const parts = (await readFile(this.path(file), "utf8")).split(find);
    assert.equal(parts.length, 2, `${file} has "${find}" once`);
    await writeFile(this.path(file), parts.join(replacement));
  }

  /** Changes the text of the bundle as if it had been written so: who runs it shows it. */
  async mark(): Promise<void> {
    const [line = "", ...rest] = (await readFile(this.bundle, "utf8")).split("\n");
    const code = rest.join("\n");
    assert.equal(code.split(USAGE).length, 2);
    const marked = code.replace(USAGE, MARKED);
    const header = JSON.parse(line.slice("// ".length)) as Record<string, unknown>;
    const newLine = JSON.stringify({ ...header, code: hash("sha256", marked) });
    await writeFile(this.bundle, `// ${newLine}\n${marked}`);
  }

  /** What `cinnabar serve --help` prints, which loads all that a server does; or another command. */
  async help(
    options: { readonly variables?: readonly string[]; readonly flags?: readonly string[]; readonly of?: string } = {},
  ) {
    const { variables = [], flags = [], of = "serve" } = options;
    const program = this.path("packages/cli/bin/cinnabar.js");
    return promisify(execFile)("env", [...variables, process.execPath, ...flags, program, of, "--help"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

test("a server runs the bundle of exactly its sources", async (t) => {
  await using checkout = await Checkout.create();

  await t.test("it runs the sources where there is no bundle", async () => {
    const { stdout, stderr } = await checkout.help();
    assert.ok(stdout.startsWith(USAGE));
    assert.equal(stderr, "");
  });

  await t.test("it runs the bundle where there is one of the present sources", async () => {
    await checkout.build();
    assert.ok((await checkout.help()).stdout.startsWith(USAGE));
    await checkout.mark();
    const { stdout, stderr } = await checkout.help();
    assert.ok(stdout.startsWith(MARKED));
    assert.equal(stderr, "");
  });

  await t.test("it runs the sources for whoever looks into the modules, and without Node's cache", async () => {
    const { stdout } = await checkout.help({ flags: ["--import=data:text/javascript,"] });
    assert.ok(stdout.startsWith(USAGE));
    for (const variable of ["NODE_OPTIONS=--import data:text/javascript,", "NODE_DISABLE_COMPILE_CACHE=1"]) {
      assert.ok((await checkout.help({ variables: [variable] })).stdout.startsWith(USAGE), variable);
    }
  });

  await t.test("it runs what was edited, at once, and a server that was started has it bundled", async () => {
    await checkout.edit(COMMAND, "Serves the API.", "Serves an edited API.");
    const edited = await checkout.help();
    assert.ok(edited.stdout.startsWith(USAGE));
    assert.match(edited.stdout, /^Serves an edited API\./m);
    assert.equal(edited.stderr, "");

    const before = await stat(checkout.bundle);
    await using server = await ServerProcess.start({
      data: checkout.data("data"),
      sources: checkout.path(),
      bundles: true,
    });
    const endAt = Date.now() + REBUILD_MILLIS;
    while ((await stat(checkout.bundle)).ino === before.ino && Date.now() < endAt) await sleep(50);
    await server.stop();
    await checkout.mark();
    const { stdout } = await checkout.help();
    assert.ok(stdout.startsWith(MARKED));
    assert.match(stdout, /^Serves an edited API\./m);
  });

  await t.test("it serves from the bundle, over what the sources made", async () => {
    await using server = await ServerProcess.start({
      data: checkout.data("data"),
      sources: checkout.path(),
      bundles: true,
    });
    const client = server.client();
    const { KeyMetadata } = await client.call("CreateKey", {});
    assert.ok(KeyMetadata);
    client.close();
    await server.stop();
    assert.doesNotMatch(server.output, /running the sources/);
  });

  await t.test("it runs the sources of a checkout that was moved", async () => {
    await checkout.move();
    const { stdout, stderr } = await checkout.help();
    assert.ok(stdout.startsWith(USAGE));
    assert.equal(stderr, "");
  });
});

test("a damaged bundle is not run, and that is said", async (t) => {
  await using checkout = await Checkout.create();
  await checkout.build();
  await checkout.mark();
  const whole = await readFile(checkout.bundle);
  const { size } = await stat(checkout.bundle);
  const flipped = Buffer.from(whole);
  const at = flipped.lastIndexOf(MARKED);
  flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);

  const damages: Record<string, () => Promise<unknown>> = {
    "half of it": () => truncate(checkout.bundle, Math.floor(size / 2)),
    "an empty file": () => truncate(checkout.bundle, 0),
    "a changed bit": () => writeFile(checkout.bundle, flipped),
    "something else": () => writeFile(checkout.bundle, "console.log('something else');\n"),
    "a line in front that is not of a bundle": () =>
      writeFile(checkout.bundle, '// {"root":1,"sources":[],"code":""}\n'),
    "a file that others can write": () => chmod(checkout.bundle, 0o666),
    "a link": async () => {
      await rename(checkout.bundle, `${checkout.bundle}.elsewhere`);
      await symlink(`${checkout.bundle}.elsewhere`, checkout.bundle);
    },
  };
  for (const [what, damage] of Object.entries(damages)) {
    await t.test(what, async () => {
      await damage();
      const { stdout, stderr } = await checkout.help();
      assert.ok(stdout.startsWith(USAGE));
      assert.match(stderr, /^cinnabar: running the sources instead of their bundle: .+\.\n$/);
      await unlink(checkout.bundle);
      await writeFile(checkout.bundle, whole);
    });
  }
  assert.ok((await checkout.help()).stdout.startsWith(MARKED), "nothing else was to blame");

  await t.test("commands that load as much run it too, and those that load little do not look for it", async () => {
    assert.equal((await checkout.help({ of: "init" })).stderr, "");
    await truncate(checkout.bundle, 0);
    assert.match((await checkout.help({ of: "init" })).stderr, /running the sources instead of their bundle/);
    assert.equal((await checkout.help({ of: "encrypt" })).stderr, "");
  });
});

test("code is kept and run only where the owner of the sources alone can write", async (t) => {
  await using checkout = await Checkout.create();
  const cache = checkout.path("node_modules/.cache/cinnabar");
  const places = async () => [dirname(cache), cache, ...(await readdir(cache)).map((name) => join(cache, name))];
  const run = async (mask: string) =>
    promisify(execFile)("sh", [
      "-c",
      'umask "$0" && exec "$@"',
      mask,
      process.execPath,
      checkout.path("packages/cli/bin/cinnabar.js"),
      "--version",
    ]);

  await t.test("whatever the user's mask, it makes the directories so", async () => {
    for (const mask of ["0000", "0002", "0077"]) {
      await rm(dirname(cache), { recursive: true, force: true });
      assert.equal((await run(mask)).stderr, "");
      const made = await places();
      assert.ok(made.length > 2, "Node has made its own");
      for (const place of made) assert.equal((await stat(place)).mode & 0o777, 0o755, `${mask}: ${place}`);
    }
  });

  await checkout.build();
  await checkout.mark();
  const complaint = (place: string): string => `others than the owner of the sources can write to ${place}.`;
  for (const place of await places()) {
    await t.test(`it goes without if others can write to ${basename(place)}`, async () => {
      const { mode } = await stat(place);
      await chmod(place, mode | 0o020);
      assert.ok((await run("0022")).stderr.includes(complaint(place)));
      await chmod(place, mode);
      assert.equal((await run("0022")).stderr, "");
    });
  }

  await t.test("nor does it run a bundle there, or make one", async () => {
    assert.ok((await checkout.help()).stdout.startsWith(MARKED));
    await chmod(cache, 0o777);
    for (const variables of [[], [`NODE_COMPILE_CACHE=${checkout.data("another-cache")}`]]) {
      const { stdout, stderr } = await checkout.help({ variables });
      assert.ok(stdout.startsWith(USAGE));
      assert.ok(stderr.includes(complaint(cache)));
    }
    await assert.rejects(checkout.build());
  });
});

test("builders that are killed, or work at the same time, leave a whole bundle or none", async () => {
  await using checkout = await Checkout.create();
  const startedAt = performance.now();
  await checkout.build();
  const buildMillis = performance.now() - startedAt;
  await unlink(checkout.bundle);
  for (let i = 0; i < 4; i++) {
    const builder = spawn(process.execPath, [checkout.path(BUILDER)], { stdio: "ignore" });
    const ended = once(builder, "exit");
    // Most of them where the files are written.
    await sleep(buildMillis * (0.6 + randomInt(50) / 100));
    builder.kill("SIGKILL");
    await ended;
    const { stdout, stderr } = await checkout.help();
    assert.ok(stdout.startsWith(USAGE));
    assert.equal(stderr, "");
    await unlink(checkout.bundle).catch(() => undefined);
  }
  await Promise.all([checkout.build(), checkout.build(), checkout.build()]);
  await checkout.mark();
  assert.ok((await checkout.help()).stdout.startsWith(MARKED));
});

test("a stack trace names the sources", async () => {
  await using checkout = await Checkout.create();
  const source = await readFile(checkout.path(COMMAND), "utf8");
  const line = source.slice(0, source.indexOf("  return runCommand({")).split("\n").length;
  await checkout.edit(COMMAND, "  return runCommand({", '  throw new RangeError("here");\n  return runCommand({');
  await checkout.build();
  const complaint = () =>
    checkout.help({ variables: ["CINNABAR_DEBUG=1"] }).then(
      () => assert.fail("it works"),
      (error: unknown) => (error as { readonly stderr: string }).stderr,
    );

  const stderr = await complaint();
  assert.match(stderr, /^RangeError: here\n {4}at serve \(/m);
  assert.ok(stderr.includes(`file://${checkout.path(COMMAND)}:${line}:9`), stderr);
  assert.doesNotMatch(stderr, /cinnabar\.mjs/);

  // It is the bundle that runs.
  await unlink(`${checkout.bundle}.map`);
  assert.match(await complaint(), /^RangeError: here\n {4}at serve \(file:\S+cinnabar\.mjs:/m);
});

test("Node's own modules are taken under the names that a bundle gives them", () => {
  assert.equal(
    takeBuiltins(
      [
        'import http, { STATUS_CODES, createServer as createServer$1 } from "node:http";',
        'import { readFile } from "node:fs/promises";',
        'import process$1 from "node:process";',
        'import { shared } from "file:///shared.ts";',
        "run();",
      ].join("\n"),
    ),
    [
      'const http = process.getBuiltinModule("node:http"), { STATUS_CODES, createServer: createServer$1 } = process.getBuiltinModule("node:http");',
      'const { readFile } = process.getBuiltinModule("node:fs/promises");',
      'const process$1 = process.getBuiltinModule("node:process");',
      'import { shared } from "file:///shared.ts";',
      "run();",
    ].join("\n"),
  );
  const whole = 'import * as fs from "node:fs";';
  assert.equal(takeBuiltins(whole), whole);
});
