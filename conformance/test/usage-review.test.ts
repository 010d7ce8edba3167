import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ServerProcess } from "@cinnabar/testkit";
import { Kms20160120Client } from "../src/clients/kms20160120.ts";
import { OpenapiCoreClient } from "../src/clients/openapi-core.ts";
import type { OfficialClient } from "../src/official-client.ts";

const CINNABAR = new URL("../../packages/cli/bin/cinnabar.js", import.meta.url).pathname;

test("an official client schedules deletions as ever, and where a review is required a generic call brings it", async () => {
  const data = await mkdtemp(join(tmpdir(), "cinnabar-usage-review-"));
  try {
    await using server = await ServerProcess.start({ data });
    const { endpoint, credentials } = server;
    const setup = { endpoint: endpoint.origin, ...credentials };
    const typed = new Kms20160120Client({ ...setup, name: "kms20160120" });
    const generic = new OpenapiCoreClient(
      { ...setup, name: "openapi-core" },
      { algorithm: "ACS3-HMAC-SHA256", place: "query" },
    );
    const [one, other] = [await createKey(typed), await createKey(typed)];
    const schedule = { PendingWindowInDays: 7 };
    await typed.call("ScheduleKeyDeletion", { KeyId: one, ...schedule }, {});

    const file = JSON.parse(await readFile(join(data, "root-access-key.json"), "utf8")) as { AccountId: string };
    const words = [CINNABAR, "account", "set", file.AccountId, "--require-usage-review", "on", `--data=${data}`];
    await promisify(execFile)(process.execPath, words);
    const refused = await typed.call("ScheduleKeyDeletion", { KeyId: other, ...schedule }, {}).then(
      () => undefined,
      (thrown: unknown) => typed.readError(thrown),
    );
    assert.deepEqual([refused?.status, refused?.code], [409, "Rejected.UsageNotReviewed"]);
    assert.match(String(refused?.body["Message"]), /GetKeyUsage/);

    await typed.call("Encrypt", { KeyId: other, Plaintext: "text" }, {});
    const { UsageReport, UsageReportHash } = await generic.call("GetKeyUsage", { KeyId: other }, {});
    assert.equal(createHash("sha256").update(String(UsageReport)).digest("hex"), UsageReportHash);
    assert.match(String(UsageReport), /"operation":"Encrypt","uses":\{"count":1,/);
    await generic.call(
      "ScheduleKeyDeletion",
      { KeyId: other, ...schedule, UsageReportHash: String(UsageReportHash) },
      {},
    );
    await server.stop();
  } finally {
    await rm(data, { recursive: true });
  }
});

async function createKey(client: OfficialClient): Promise<string> {
  const { KeyMetadata } = await client.call("CreateKey", {}, {});
  return (KeyMetadata as { KeyId: string }).KeyId;
}
