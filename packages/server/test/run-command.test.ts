import assert from "node:assert/strict";
import { test } from "node:test";
import { SqliteError } from "@cinnabar/kernel";
import { runCommand } from "../src/commands/run-command.ts";

test("a full disk is explained with what to do, whichever database fails", async (context) => {
  let said = "";
  context.mock.method(process.stderr, "write", (text: string) => {
    said = text;
    return true;
  });
  const fail = async (error: Error) => {
    assert.equal(await runCommand({ argv: [], usage: "", run: () => Promise.reject(error) }), 1);
    return said;
  };
  const advice = /^cinnabar: The database failed: .*\. Make room and try again: docs\/runbooks\/disk-filling\.md\.\n$/;
  assert.match(await fail(new SqliteError({ message: "database or disk is full", errcode: 13 })), advice);
  const postgresql = { severity: "ERROR", code: "53100" };
  assert.match(await fail(Object.assign(new Error("could not extend file: No space left"), postgresql)), advice);

  const otherwise = "cinnabar: The database failed: disk I/O error.\n";
  assert.equal(await fail(new SqliteError({ message: "disk I/O error", errcode: 10 })), otherwise);
});
