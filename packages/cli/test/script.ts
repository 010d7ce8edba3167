import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { run } from "../src/index.ts";
import { MemoryIo } from "./memory-io.ts";
import { StubService } from "./stub-service.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

/*
 * A script is a text of commands and what is expected of them:
 *
 *   # what it shows
 *   $ cinnabar encrypt ./report.txt --key alias/reports --credentials ./credentials.json
 *   ! a line of its standard error
 *   > a line of its standard output
 *   = 1 (its exit code, if it is not 0)
 *
 * "./" is a folder of the script's own, which has the credentials of a stub service; $ENDPOINT is that service.
 * `< FILE` and `> FILE` after a command redirect. Besides cinnabar there are: write FILE TEXT…, cat FILE, and ls,
 * which shows hidden files too.
 */

interface Step {
  readonly command: string;
  readonly expected: string;
}

interface Result {
  readonly stdout: string;
  readonly stderr?: string;
  readonly exitCode?: number;
}

/** Runs a script, each of its commands in this process. */
export async function runScript(text: string): Promise<void> {
  await using folder = await TemporaryFolder.create();
  await using stub = await StubService.start();
  await stub.writeCredentials(folder.join("credentials.json"));
  const here = `${folder.path}/`;
  for (const { command, expected } of parseScript(text)) {
    const words = command
      .replaceAll("$ENDPOINT", stub.endpoint)
      .split(" ")
      .map((word) => (word.startsWith("./") ? here + word.slice(2) : word));
    const result = format(await execute(words, here));
    assert.equal(result.replaceAll(here, "./").replaceAll(stub.endpoint, "$ENDPOINT"), expected, `after $ ${command}`);
  }
}

function parseScript(text: string): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((block) => {
      const [command = "", ...lines] = block.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      return { command, expected: lines.join("\n") };
    });
}

async function execute([name, ...args]: string[], here: string): Promise<Result> {
  switch (name) {
    case "write":
      await writeFile(args[0] ?? "", `${args.slice(1).join(" ")}\n`);
      return { stdout: "" };
    case "cat":
      return { stdout: await readFile(args[0] ?? "", "utf8") };
    case "ls":
      return { stdout: `${(await readdir(here)).toSorted().join("\n")}\n` };
    case "cinnabar":
      return cinnabar(args);
    default:
      throw new Error(`scripts have no command ${name}`);
  }
}

async function cinnabar(words: string[]): Promise<Result> {
  const redirect = (sign: string) => (words.includes(sign) ? words.splice(words.indexOf(sign), 2)[1] : undefined);
  const [from, to] = [redirect("<"), redirect(">")];
  const io = new MemoryIo(from === undefined ? {} : { stdin: await readFile(from) });
  const exitCode = await run(words, io);
  if (to !== undefined) await writeFile(to, io.captured.bytes);
  return { stdout: to === undefined ? io.captured.text : "", stderr: io.stderr.text, exitCode };
}

function format({ stdout, stderr = "", exitCode = 0 }: Result): string {
  const mark = (sign: string, text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => `${sign} ${line}`);
  return [...mark("!", stderr), ...mark(">", stdout), ...(exitCode === 0 ? [] : [`= ${exitCode}`])].join("\n");
}
