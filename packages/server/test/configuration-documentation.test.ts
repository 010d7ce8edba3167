import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { settingsTable } from "../src/configuration/index.ts";

test("documents the settings that there are", async () => {
  const page = await readFile(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
  const table = settingsTable();
  assert(page.includes(`\n\n${table}\n`), `docs/configuration.md should have this table:\n\n${table}`);
});
