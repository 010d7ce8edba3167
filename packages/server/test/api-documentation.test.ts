import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { apiPages } from "./support/api-pages.ts";
import { TwoAccounts } from "./support/two-accounts.ts";

const DOCS = new URL("../../../docs/", import.meta.url);
/** `node packages/server/test/api-documentation.test.ts write` brings the pages up to date. */
const isWriting = process.argv.includes("write");

forEachDatabase((database) => {
  // The operations of a server are the same on every database.
  if (database.name !== "sqlite") return;
  test("docs/compatibility.md and docs/api tell what is declared, published and called", async () => {
    await using world = await TwoAccounts.start(database);
    for (const [path, page] of await apiPages(world.operations)) {
      const file = new URL(path, DOCS);
      if (isWriting) {
        await mkdir(new URL(".", file), { recursive: true });
        await writeFile(file, page);
      }
      const told = await readFile(file, "utf8").catch(() => "");
      assert.equal(
        told,
        page,
        `docs/${path} is not up to date: node packages/server/test/api-documentation.test.ts write`,
      );
    }
  });
});
