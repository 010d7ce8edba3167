import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { DEVIATIONS, REFUSED_BY_THE_LISTENER } from "./deviations.ts";

const PAGE = new URL("../../../docs/api/differences.md", import.meta.url);
/** `node packages/kms/test/differences-documentation.test.ts write` brings the page up to date. */
const isWriting = process.argv.includes("write");

test("docs/api/differences.md tells every difference from the published API, with its reason", async () => {
  const all = Object.entries({ ...DEVIATIONS.declarations, ...DEVIATIONS.behaviour });
  const byReason = Map.groupBy(all, ([, reason]) => reason);
  const listed = [...byReason].map(
    ([reason, members]) => `- ${reason}\n${members.map(([difference]) => `  - ${difference}`).join("\n")}`,
  );
  const page = [
    "# Where KMS differs",
    "Every difference between the operations as they are declared and the API that Alibaba Cloud publishes, and why. A test finds each of them, and finds no other.",
    listed.join("\n"),
    "## Whatever is called",
    "Before it is known which operation is called, a listener may refuse a request or its connection. Nothing is published of that; the codes are Cinnabar's own, in the form of every other error.",
    `${REFUSED_BY_THE_LISTENER.map((difference) => `- ${difference}`).join("\n")}\n`,
  ].join("\n\n");
  if (isWriting) await writeFile(PAGE, page);
  const told = await readFile(PAGE, "utf8").catch(() => "");
  assert.equal(told, page, "it is not up to date: node packages/kms/test/differences-documentation.test.ts write");
});
