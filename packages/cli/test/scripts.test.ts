import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { runScript } from "./script.ts";

const folder = new URL("scripts/", import.meta.url);

for (const name of readdirSync(folder).toSorted()) {
  const text = readFileSync(new URL(name, folder), "utf8");
  const title = /^# (.*)\.$/m.exec(text)?.[1] ?? "";
  test(`${title} (${name})`, () => runScript(text));
}
