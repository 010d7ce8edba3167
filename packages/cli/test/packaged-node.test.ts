import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { linkPackagedNode } from "../../../scripts/node.mjs";

test("the Node that npm installed is found by npm exec, also where npm left its link out", async (context) => {
  const modules = await mkdtemp(join(tmpdir(), "cinnabar-modules-"));
  context.after(() => rm(modules, { recursive: true }));
  const program = join(`node-${process.platform}-${process.arch}`, "bin", "node");
  const link = join(modules, ".bin", "node");
  await mkdir(join(modules, ".bin"));

  await linkPackagedNode(modules);
  await assert.rejects(readlink(link), { code: "ENOENT" });

  await mkdir(join(modules, program, ".."), { recursive: true });
  await writeFile(join(modules, program), "the packaged Node");
  await Promise.all([linkPackagedNode(modules), linkPackagedNode(modules)]);
  assert.equal(await readFile(link, "utf8"), "the packaged Node");
  assert.equal(await readlink(link), join("..", program));
});
