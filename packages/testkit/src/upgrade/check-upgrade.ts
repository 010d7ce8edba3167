import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CinnabarClient } from "@cinnabar/client";
import { auditVerify } from "../crash/audit-command.ts";
import { CINNABAR, checkout, ServerProcess } from "../server-process.ts";
import type { Sample } from "./sample-deployment.ts";

const SWEEP_MILLIS = 60_000;
const POLL_MILLIS = 100;

/**
 * Starts this checkout's server on a data directory that an earlier one made, and checks that it is all there: what was
 * encrypted can be decrypted, what was answered is answered, no row is in doubt, the audit log agrees with the
 * checkpoints that were saved, and the work goes on.
 *
 * @throws AssertionError with the first thing that is not so.
 */
export async function checkUpgrade(
  sample: Sample,
  { data, database }: { readonly data: string; readonly database?: string },
): Promise<void> {
  const url = database ?? `sqlite:${join(data, "cinnabar.db")}`;
  // A machine whose clock is before the sample was made would have everything refused, as it should.
  if (Date.now() < sample.madeAt + 60_000) await resetClock({ data, url });
  {
    await using server = await ServerProcess.start({
      data,
      database: url,
      credentials: sample.credentials.first,
    });
    await checkAnswers(server, sample);
    await checkNewWork(server, sample);
    await untilSwept(server);
    assert.equal(await server.metric("cinnabar_tampered_rows_total"), 0, server.output);
    await server.stop();
  }
  const checkpoints = join(data, "checkpoints-before.txt");
  await writeFile(checkpoints, sample.checkpoints);
  assert.equal(await auditVerify({ data, database: url }, checkpoints), undefined);
}

async function checkAnswers(server: ServerProcess, { answers, credentials }: Sample): Promise<void> {
  const { endpoint } = server;
  const clients = {
    first: new CinnabarClient({ endpoint, credentials: credentials.first }),
    second: new CinnabarClient({ endpoint, credentials: credentials.second }),
  };
  try {
    for (const { caller, operation, parameters, answer } of answers) {
      const now = await clients[caller].call(operation, parameters);
      assert.partialDeepStrictEqual(now, answer, `${operation} ${JSON.stringify(parameters)}`);
    }
  } finally {
    clients.first.close();
    clients.second.close();
  }
}

/** Old keys go on encrypting, new ones are made, and what others look up has moved when the call returns. */
async function checkNewWork(server: ServerProcess, { alias }: Sample): Promise<void> {
  const client = server.client();
  try {
    const Plaintext = "after the upgrade";
    const old = await client.call("Encrypt", { KeyId: alias, Plaintext });
    assert.equal((await client.decrypt({ ciphertextBlob: String(old["CiphertextBlob"]) })).plaintext, Plaintext);
    const { KeyMetadata } = (await client.call("CreateKey")) as { KeyMetadata: { KeyId: string } };
    await client.call("UpdateAlias", { AliasName: alias, KeyId: KeyMetadata.KeyId });
    const fresh = await client.call("Encrypt", { KeyId: alias, Plaintext });
    assert.equal(fresh["KeyId"], KeyMetadata.KeyId);
    await client.call("DisableKey", { KeyId: String(old["KeyId"]) });
    await assert.rejects(client.decrypt({ ciphertextBlob: String(old["CiphertextBlob"]) }), {
      code: "Rejected.Disabled",
    });
  } finally {
    client.close();
  }
}

/** The first sweep begins with the start. */
async function untilSwept(server: ServerProcess): Promise<void> {
  const endAt = performance.now() + SWEEP_MILLIS;
  while ((await server.metric("cinnabar_sweep_duration_seconds")) === 0) {
    assert.ok(performance.now() < endAt, `no sweep has ended:\n${server.output}`);
    await sleep(POLL_MILLIS);
  }
}

async function resetClock({ data, url }: { data: string; url: string }): Promise<void> {
  const program = join(checkout, CINNABAR);
  await promisify(execFile)(process.execPath, [program, "clock", "reset", `--data=${data}`, `--database=${url}`]);
}
