import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Relative to ROOT; without what lies inside the packages. */
const FOLDERS = ["docs", "examples"];

interface Page {
  readonly links: readonly string[];
  /** What a link can name after `#`. */
  readonly anchors: ReadonlySet<string>;
}

const pages = new Map<string, Page>();

before(async () => {
  const inFolders = await Promise.all(
    FOLDERS.map(async (folder) =>
      (await readdir(join(ROOT, folder), { recursive: true })).map((path) => join(ROOT, folder, path)),
    ),
  );
  const atTop = (await readdir(ROOT)).map((name) => join(ROOT, name));
  for (const path of [...atTop, ...inFolders.flat()].filter((name) => name.endsWith(".md"))) {
    pages.set(path, parsePage(await readFile(path, "utf8")));
  }
});

function parsePage(text: string): Page {
  const prose = text.replaceAll(/^( *)```[^]*?^\1```$/gm, "");
  const links = [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = ""]) => link);
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose.matchAll(/^#+ (.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    let name = anchor;
    for (let i = 1; anchors.has(name); i++) name = `${anchor}-${i}`;
    anchors.add(name);
  }
  return { links: links.filter((link) => !/^https?:/.test(link)), anchors };
}

/** Where a link of a page leads: a page, another file, or a folder, which stands for its README.md if it has one. */
function follow(page: string, link: string): { readonly path: string; readonly anchor: string | undefined } {
  const [file = "", anchor] = link.split("#");
  const path = file === "" ? page : join(dirname(page), file);
  const readme = join(path, "README.md");
  return { path: pages.has(readme) ? readme : path.replace(/\/$/, ""), anchor };
}

test("every link of the documentation leads to something that is there", () => {
  assert.ok(pages.size > 80);
  for (const [page, { links }] of pages) {
    for (const link of links) {
      const where = `${relative(ROOT, page)} links to ${link}`;
      const { path, anchor } = follow(page, link);
      assert.ok(existsSync(path), where);
      if (anchor !== undefined) assert.ok(pages.get(path)?.anchors.has(anchor), `${where}, which has no such heading`);
    }
  }
});

test("a reader who begins with the README comes to every page", () => {
  const reached = new Set<string>();
  const waiting = [join(ROOT, "README.md")];
  for (const page of waiting) {
    if (reached.has(page)) continue;
    reached.add(page);
    for (const link of pages.get(page)?.links ?? []) {
      const { path } = follow(page, link);
      const isFolder = existsSync(path) && statSync(path).isDirectory();
      waiting.push(...(isFolder ? [...pages.keys()].filter((other) => dirname(other) === path) : [path]));
    }
  }
  for (const page of pages.keys()) assert.ok(reached.has(page), `nothing leads to ${relative(ROOT, page)}`);
});
