import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { parseSavedCheckpoints, verifyAudit } from "../src/audit/index.ts";
import { formatCheckpointBundle } from "../src/audit/checkpoint-bundle.ts";
import { formatCheckpointLine, parseCheckpointLines } from "../src/audit/checkpoint-line.ts";
import { DatabaseLogs } from "../src/audit/database-logs.ts";
import { connectTo } from "../src/audit/sqlite-reader.ts";
import { OperatorError } from "../src/operator-error.ts";
import { AuditFixture, ORIGIN, writeRichLogs } from "./support/audit-fixture.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

function withFixture(body: (fixture: AuditFixture) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    writeRichLogs(fixture);
    await body(fixture);
  });
}

function checkpoints(fixture: AuditFixture) {
  return [0, 1, 2, 3].map((shard) => ({ shard, note: fixture.note(shard) }));
}

test("writes a signed note in one line and reads it back as it was", () =>
  withFixture(async (fixture) => {
    const saved = checkpoints(fixture);
    const lines = saved.map(({ note }) => formatCheckpointLine(note));
    for (const line of lines) assert.match(line, /^cinnabar\/checkpoint\/v1 [^\n]*$/);
    assert.deepEqual(parseCheckpointLines(`${lines.join("\n")}\n`, ORIGIN), saved);
    assert.deepEqual(parseCheckpointLines([...lines, ...lines].join("\n"), ORIGIN), saved, "repeated");
    const syslog = lines.map((line) => `<109>1 2026-01-02T03:04:05Z host cinnabar 7 checkpoint - ${line}\r\n`);
    assert.deepEqual(parseCheckpointLines(`other\n${syslog.join("noise\n")}`, ORIGIN), saved, "in a system's log");
  }));

test("refuses to write a note that no server signs", () =>
  withFixture(async (fixture) => {
    const note = fixture.note(0);
    const [signature = ""] = note.split("\n").slice(-2);
    for (const other of ["", note.trimEnd(), `${note}${signature}\n`, note.replace("\n\n", "\nextension\n\n")]) {
      assert.throws(() => formatCheckpointLine(other), RangeError);
    }
  }));

test("passes over what was cut off anywhere, another deployment's, and logs that cannot be", () =>
  withFixture(async (fixture) => {
    const [first, second] = checkpoints(fixture);
    assert(first !== undefined && second !== undefined);
    const [line, next] = [formatCheckpointLine(first.note), formatCheckpointLine(second.note)];
    for (let end = 0; end < line.length; end++) {
      assert.deepEqual(parseCheckpointLines(`${line.slice(0, end)}\n${next}\n`, ORIGIN), [second], `cut at ${end}`);
    }
    assert.deepEqual(parseCheckpointLines(line, "other"), []);
    assert.deepEqual(parseCheckpointLines(line.replace(`${ORIGIN}/control`, `${ORIGIN}/shard/0`), ORIGIN), []);
    assert.deepEqual(parseCheckpointLines(line.replace(`${ORIGIN}/control`, "other/control"), ORIGIN), []);
  }));

test("reads a bundle, or lines of this deployment, and refuses anything else", () =>
  withFixture(async (fixture) => {
    const saved = checkpoints(fixture);
    assert.deepEqual(parseSavedCheckpoints(formatCheckpointBundle(saved), ORIGIN), saved);
    const lines = saved.map(({ note }) => `${formatCheckpointLine(note)}\n`).join("");
    assert.deepEqual(parseSavedCheckpoints(lines, ORIGIN), saved);
    assert.throws(() => parseSavedCheckpoints(lines, "other"), /There is no whole checkpoint of other/);
    assert.throws(() => parseSavedCheckpoints("something else\n", ORIGIN), OperatorError);
  }));

test("a store that was put back and has gone on since contradicts the lines of before", () =>
  withFixture(async (fixture) => {
    const verify = (lines: readonly string[]) =>
      verifyAudit({
        source: new DatabaseLogs(connectTo(fixture.database)),
        verifierKey: fixture.verifierKey,
        savedCheckpoints: parseSavedCheckpoints(lines.join("\n"), ORIGIN),
      });
    const lines = [formatCheckpointLine(fixture.note(1))];
    const { frontier, seq } = fixture.log(1);
    fixture.calls(1, 2);
    lines.push(formatCheckpointLine(fixture.note(1)));
    fixture.checkpoint();
    assert.equal((await verify(lines)).ok, true);

    fixture.database.exec(`DELETE FROM audit_batch WHERE shard = 1 AND seq > ${seq}`);
    Object.assign(fixture.log(1), { frontier, seq });
    for (let batch = 0; batch < 3; batch++) {
      fixture.calls(1, 2);
      lines.push(formatCheckpointLine(fixture.note(1)));
      fixture.checkpoint();
    }
    assert.equal((await verify(lines.toSpliced(1, 1))).ok, true, "the new history is sound by itself");
    const { logs } = await verify(lines);
    assert.deepEqual([...new Set(logs[1]?.findings.map(({ kind }) => kind))], ["root-mismatch"]);
  }));
