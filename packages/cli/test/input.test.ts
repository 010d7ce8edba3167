import assert from "node:assert/strict";
import { appendFile, open, readdir, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Input } from "../src/input.ts";
import { writeWhole } from "../src/output.ts";
import { MemoryIo } from "./memory-io.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

/** More than is read at once. */
const SIZE = 4 * 1024 * 1024;

async function overwrite(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.write("x", SIZE - 1);
}

/** Changes the file when its first bytes have been read. */
async function* changing(input: Input, change: () => Promise<void>): AsyncGenerator<Buffer> {
  let changed = false;
  for await (const chunk of input.steadyBytes()) {
    yield chunk;
    if (!changed) await change();
    changed = true;
  }
}

for (const [name, change] of Object.entries({
  "made longer": (path: string) => appendFile(path, "more"),
  "cut short": (path: string) => truncate(path, 100),
  "written over in place": overwrite,
})) {
  test(`a file that is ${name} while it is read gives no result`, async () => {
    await using folder = await TemporaryFolder.create();
    const path = folder.join("file");
    await writeFile(path, Buffer.alloc(SIZE));
    await using input = await Input.open(path, new MemoryIo());
    await assert.rejects(
      writeWhole(
        { path: folder.join("out"), replace: false },
        changing(input, () => change(path)),
      ),
      { name: "Failure", message: new RegExp(`^${path} changed while it was read\\.`) },
    );
    assert.deepEqual(await readdir(folder.path), ["file"]);
  });
}

test("files that have no size of their own are read to their end", async () => {
  for (const path of ["/proc/self/status", "/dev/null"]) {
    await using input = await Input.open(path, new MemoryIo());
    let size = 0;
    for await (const chunk of input.steadyBytes()) size += chunk.length;
    assert.equal(size > 0, path !== "/dev/null");
  }
});
