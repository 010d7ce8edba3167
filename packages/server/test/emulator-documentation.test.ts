import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ServerProcess } from "@cinnabar/testkit";

const PAGE = new URL("../../../docs/emulator.md", import.meta.url);

interface Example {
  readonly method: string;
  readonly path: string;
  /** The last one is the answer; before it there may be a body. */
  readonly blocks: readonly unknown[];
}

/** `### METHOD PATH` with the JSON below it. */
async function readExamples(): Promise<readonly Example[]> {
  const page = await readFile(PAGE, "utf8");
  return [...page.matchAll(/^### ([A-Z]+) (\S+)\n((?:(?!^#).*\n)*)/gm)].map(
    ([, method = "", path = "", text = ""]) => ({
      method,
      path,
      blocks: [...text.matchAll(/^```json\n([^`]*)```$/gm)].map(([, json = ""]) => JSON.parse(json) as unknown),
    }),
  );
}

/** The shape of a value: texts and numbers stand for all of their kind, but short words for themselves. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) {
    return typeof value === "string" && /[0-9]/.test(value) ? value.replaceAll(/[0-9a-f]+/g, "#") : value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shapeOf(item)]));
}

test("every example of the emulator's API is answered as docs/emulator.md says", async () => {
  const examples = await readExamples();
  assert.equal(examples.length, 7);
  const data = await mkdtemp(join(tmpdir(), "cinnabar-emulator-docs-"));
  try {
    await using server = await ServerProcess.start({ data, flags: ["--emulator"] });
    const ask = async (method: string, path: string, body?: unknown) => {
      const init = { method, headers: { "Content-Type": "application/json" } };
      const url = new URL(path, server.adminUrl);
      return fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    };
    for (const { method, path, blocks } of examples) {
      const answer = blocks.at(-1);
      const body = blocks.length > 1 ? blocks[0] : undefined;
      assert.equal(blocks.length, method === "POST" ? 2 : 1, `${method} ${path}`);
      if (path.endsWith("/ID")) {
        await ask("DELETE", "/emulator/faults");
        await ask("POST", "/emulator/faults", { effect: { kind: "drop", when: "after" } });
      }
      const id = path.endsWith("/ID") ? "2" : "";
      if (method === "GET" && path === "/emulator/faults") await ask("DELETE", "/emulator/faults");
      const response = await ask(method, path.replace(/ID$/, id), body);
      assert.ok(response.ok, `${method} ${path}: ${response.status}`);
      assert.deepEqual(shapeOf(await response.json()), shapeOf(answer), `${method} ${path}`);
    }
  } finally {
    await rm(data, { recursive: true });
  }
});
