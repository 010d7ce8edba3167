import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CinnabarClient } from "@cinnabar/client";
import { ServerProcess } from "@cinnabar/testkit";
import { decodeHeader, type EnvelopeHeader } from "../src/envelope/header.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const execute = promisify(execFile);
const program = fileURLToPath(new URL("../bin/cinnabar.js", import.meta.url));
const vector = (name: string): string => fileURLToPath(new URL(`vectors/${name}`, import.meta.url));
const LENGTH_BYTES = 2;

/** The commands that a server prints to try it, with the program of this checkout. */
function exampleOf(output: string): string {
  const [, commands] = /^Try it, .*\n((?: {2}.*\n)+)/m.exec(output) ?? [];
  assert.ok(commands !== undefined, output);
  return commands.replaceAll(/npm exec (?:--silent )?cinnabar --/g, `'${process.execPath}' '${program}'`);
}

async function filesBelow(folder: string): Promise<{ path: string; bytes: Buffer }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}

/** docs/formats/file-envelope.md, "Layout". */
function headerOf(file: Buffer): EnvelopeHeader {
  const start = file.indexOf("\n") + 1;
  const length = file.readUInt16BE(start);
  return decodeHeader(file.subarray(start + LENGTH_BYTES, start + LENGTH_BYTES + length));
}

test("what a server prints to try it can be pasted, twice, and the data key is nowhere on the disk", async () => {
  await using folder = await TemporaryFolder.create();
  const [data, work] = [folder.join("somebody's data"), folder.join("work")];
  await mkdir(work);
  const text = "a file of somebody's\n".repeat(1_000);
  await writeFile(join(work, "README.md"), text);
  // A certificate that nobody knows: the example has to say what to trust.
  for (const name of ["loopback.pem", "loopback-key.pem"]) await copyFile(vector(name), folder.join(name));
  await using server = await ServerProcess.start({
    data,
    flags: [`--tls-cert=${folder.join("loopback.pem")}`, `--tls-key=${folder.join("loopback-key.pem")}`],
    // A log that nothing takes ends nothing.
    wrapper: ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"],
    bundles: true,
  });
  const example = exampleOf(server.output);
  assert.match(example, / --credentials '.*somebody'\\''s data\/root-access-key\.json' --ca \S+loopback\.pem$/m);
  await execute("/bin/sh", ["-e", "-c", example + example], { cwd: work, env: {} });
  assert.equal(await readFile(join(work, "README.copy.md"), "utf8"), text);

  const files = [...(await filesBelow(data)), ...(await filesBelow(work))];
  const holding = (bytes: Buffer): string[] =>
    files.filter((file) => file.bytes.includes(bytes)).map(({ path }) => path);
  const { ciphertextBlob, encryptionContext } = headerOf(await readFile(join(work, "README.md.cinnabar")));
  assert.deepEqual(holding(Buffer.from(ciphertextBlob)), [join(work, "README.md.cinnabar")], "what is there is found");
  const { endpoint, credentials } = server;
  const client = new CinnabarClient({ endpoint, credentials, ca: await readFile(vector("loopback.pem"), "utf8") });
  const { plaintext } = await client.decrypt({ ciphertextBlob, encryptionContext });
  client.close();
  const dataKey = Buffer.from(plaintext, "base64");
  assert.equal(dataKey.length, 32);
  for (const form of [
    dataKey,
    ...(["base64", "base64url", "hex"] as const).map((encoding) => dataKey.toString(encoding)),
  ])
    assert.deepEqual(holding(Buffer.from(form)), []);
  await server.stop();
});
