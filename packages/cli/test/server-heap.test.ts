import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../bin/cinnabar.js", import.meta.url));

/** Runs `cinnabar serve` until it is ready, and gives the command line that its process has then. A signal opens no debugger. */
async function serve(args: readonly string[], options: { nodeFlags?: readonly string[]; fd3?: number } = {}) {
  const addresses = ["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
  const child = spawn(process.execPath, [...(options.nodeFlags ?? []), PROGRAM, "serve", ...args, ...addresses], {
    stdio: ["ignore", "pipe", "pipe", options.fd3 ?? "ignore"],
  });
  const exit = once(child, "exit");
  let output = "";
  const ready = new Promise<boolean>((resolve) => {
    const read = (text: string): void => {
      output += text;
      if (output.includes("Cinnabar is ready.")) resolve(true);
    };
    child.stdout?.setEncoding("utf8").on("data", read);
    child.stderr?.setEncoding("utf8").on("data", read);
    child.once("exit", () => resolve(false));
  });
  try {
    assert.ok(await ready, output);
    // As some tools ask a program to open its log anew. Node would let everybody on the machine look into the process.
    child.kill("SIGUSR1");
    return (await readFile(`/proc/${child.pid}/cmdline`, "utf8")).split("\0");
  } finally {
    child.kill("SIGTERM");
    await exit;
    assert.doesNotMatch(output, /debugger/i);
  }
}

test("a server has the memory settings of a server, in the process that was started", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-heap-"));
  try {
    const data = `--data=${join(folder, "data")}`;
    const flags = (await serve([data])).filter((argument) => argument.startsWith("--max-semi-space-size="));
    assert.equal(flags.length, 1);
    // Whoever chooses for themselves is not overruled.
    const own = await serve([data], { nodeFlags: ["--max-semi-space-size=32"] });
    assert.deepEqual(
      own.filter((argument) => argument.startsWith("--max-semi-space-size=")),
      ["--max-semi-space-size=32"],
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a module that Node is told to load first is loaded into the server too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-heap-"));
  try {
    const module = join(folder, "first.mjs");
    const loads = join(folder, "loads");
    await writeFile(
      module,
      `import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
if (isMainThread) appendFileSync(${JSON.stringify(loads)}, process.execArgv.join(" ") + "\\n");`,
    );
    await serve([`--data=${join(folder, "data")}`], { nodeFlags: [`--import=${module}`] });
    const lastLoad = (await readFile(loads, "utf8")).trim().split("\n").at(-1);
    assert.match(lastLoad ?? "", /--max-semi-space-size=/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file descriptor that a server is given reaches it, named by a flag or by the configuration file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-heap-"));
  try {
    const data = `--data=${join(folder, "data")}`;
    const passphrase = join(folder, "passphrase");
    await writeFile(passphrase, "correct horse battery staple\n", { mode: 0o600 });
    const configuration = join(folder, "cinnabar.json");
    await writeFile(configuration, JSON.stringify({ seal: "passphrase", unsealFrom: "fd:3" }));
    for (const settings of [["--seal=passphrase", "--unseal-from=fd:3"], [`--config=${configuration}`]]) {
      await using file = await open(passphrase);
      await serve([data, ...settings], { fd3: file.fd });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
