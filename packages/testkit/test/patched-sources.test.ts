import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { patchedSources } from "../src/crash/patched-sources.ts";

const file = "packages/testkit/src/crash/patched-sources.ts";

test("a copy of the sources differs in the one text that was to be replaced", async () => {
  await using copy = await patchedSources({ file, find: "LEFT_OUT = new", replacement: "LEFT_IN = new" });
  const source = await readFile(new URL("../src/crash/patched-sources.ts", import.meta.url), "utf8");
  assert.equal(await readFile(join(copy.path, file), "utf8"), source.replace("LEFT_OUT = new", "LEFT_IN = new"));
});

test("a text that is not there exactly once is refused", async () => {
  for (const find of ["LEFT_OUT", "this text stands nowhere".toUpperCase()]) {
    await assert.rejects(patchedSources({ file, find, replacement: "" }), /not once/);
  }
});
