import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Backend, logOrigin, SqliteBackend } from "@cinnabar/kernel";
import { NoteSigner, signCheckpoint } from "@cinnabar/merkle-log";
import { formatCheckpointLine } from "../src/audit/checkpoint-line.ts";
import { assertNotPutBack } from "../src/checkpoints/index.ts";
import { OperatorError } from "../src/operator-error.ts";
import { AuditFixture, ORIGIN } from "./support/audit-fixture.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

interface Rig {
  readonly fixture: AuditFixture;
  readonly backend: Backend;
  /** Of the file outside; does not exist yet. */
  readonly path: string;
  readonly write: (lines: readonly string[]) => Promise<void>;
  readonly check: () => Promise<void>;
}

function withRig(body: (rig: Rig) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    const database = join(directory, "cinnabar.db");
    using fixture = await AuditFixture.create(database);
    const backend = await SqliteBackend.open(database);
    const path = join(directory, "outside");
    try {
      await body({
        fixture,
        backend,
        path,
        write: (lines) => writeFile(path, lines.map((line) => `${line}\n`).join("")),
        check: () => assertNotPutBack({ backend, verifierKey: fixture.verifierKey, path }),
      });
    } finally {
      await backend.close();
    }
  });
}

const line = (fixture: AuditFixture, shard: number) => formatCheckpointLine(fixture.note(shard));

test("accepts a store that has what the file has, and a file that is not there or says nothing of it", () =>
  withRig(async ({ fixture, write, check }) => {
    await check();
    fixture.openShard(1);
    const lines: string[] = [];
    for (let batch = 0; batch < 20; batch++) {
      fixture.calls(1, 1 + (batch % 4));
      fixture.controlCall("DisableKey");
      lines.push(line(fixture, 1), line(fixture, 0));
      await write(lines);
      await check();
    }
    for (const some of [lines.slice(0, 5), lines.toReversed(), ["noise", ...lines.slice(3, 4)], [], ["noise"]]) {
      await write(some);
      await check();
    }
    fixture.calls(1, 1);
    await check();
  }));

test("refuses a store that was put back, by any log that lacks what the file has", () =>
  withRig(async ({ fixture, path, write, check }) => {
    fixture.openShard(1);
    fixture.calls(1, 2);
    const before = [line(fixture, 0), line(fixture, 1)];
    const { frontier, seq } = fixture.log(1);
    fixture.calls(1, 2);
    await write([...before, line(fixture, 1), ...before]);
    await check();

    fixture.database.exec(`DELETE FROM audit_batch WHERE shard = 1 AND seq > ${seq}`);
    await assert.rejects(check(), (error) => error instanceof OperatorError && error.message.includes(path));
    await assert.rejects(check(), /signed checkpoint of 6 leaves of the log shard-1/);

    // What is written since has the same number of leaves and is not the same.
    Object.assign(fixture.log(1), { frontier, seq });
    fixture.calls(1, 2);
    await assert.rejects(check(), /of the log shard-1/);

    fixture.database.exec("DELETE FROM audit_batch WHERE shard = 1");
    await assert.rejects(check(), /of the log shard-1/);
    await write([line(fixture, 0)]);
    fixture.database.exec("UPDATE audit_batch SET frontier = x'00' WHERE shard = 0 AND seq = 2");
    await assert.rejects(check(), /of the log control/);
  }));

test("heeds nothing that another key has signed, or nobody", () =>
  withRig(async ({ fixture, write, check }) => {
    const other = new NoteSigner({ name: ORIGIN, key: generateKeyPairSync("ed25519").privateKey });
    const forged = { origin: logOrigin(ORIGIN, 0), size: 1000, root: Buffer.alloc(32) };
    const changed = line(fixture, 0).replace(" 2 ", " 2000 ");
    await write([formatCheckpointLine(signCheckpoint(forged, other)), changed]);
    await check();
    await write([formatCheckpointLine(signCheckpoint(forged, fixture.signer))]);
    await assert.rejects(check(), OperatorError);
  }));

test("reads the end of a large file, and says so if it cannot read", () =>
  withRig(async ({ fixture, path, backend, write, check }) => {
    await write(["x".repeat(3 << 20), line(fixture, 0)]);
    fixture.database.exec("DELETE FROM audit_batch");
    await assert.rejects(check(), /of the log control/);
    await assert.rejects(
      assertNotPutBack({ backend, verifierKey: fixture.verifierKey, path: `${path}/x` }),
      /\(--checkpoint-to\) cannot be read/,
    );
  }));
