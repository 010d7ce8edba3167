import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { closeTargets, findTarget } from "../src/targets/index.ts";

/** An input that once showed a fault. */
interface CorpusEntry {
  readonly target: string;
  /** What was wrong with it. */
  readonly problem: string;
  /** Base64 of its bytes in a Zstandard frame. */
  readonly input: string;
}

const file = new URL("../corpus/findings.json", import.meta.url);
const corpus = JSON.parse(await readFile(file, "utf8")) as readonly CorpusEntry[];
after(closeTargets);

for (const { target: name, problem, input } of corpus) {
  test(`${name}: ${problem}`, async () => {
    await using target = await findTarget(name).open();
    await target.attempt(zstdDecompressSync(Buffer.from(input, "base64")));
    await target.endRound?.();
  });
}
