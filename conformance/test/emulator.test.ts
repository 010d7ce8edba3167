import assert from "node:assert/strict";
import { test } from "node:test";
import { startEmulator } from "@cinnabar/emulator";
import { OpenapiCoreClient } from "../src/clients/openapi-core.ts";

const SIGNED = { algorithm: "ACS3-HMAC-SHA256", place: "query" } as const;

test("the official client meets what an emulator injects as it would meet the cloud's, and a year passes for it", async () => {
  await using kms = await startEmulator();
  const { endpoint, accessKeyId, accessKeySecret } = kms;
  const client = new OpenapiCoreClient({ name: "openapi-core", endpoint, accessKeyId, accessKeySecret }, SIGNED);
  const fail = async (action: string, parameters: Readonly<Record<string, string>> = {}) => {
    const error: unknown = await client.call(action, parameters, {}).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(error instanceof Error, `${action} was answered`);
    const { statusCode, code, retryAfter } = Object.assign({ statusCode: 0, code: "", retryAfter: 0 }, error);
    return { name: error.name, statusCode, code, retryAfter };
  };

  await kms.inject({ operation: "CreateKey", calls: 1, effect: { kind: "throttling", retryAfterMillis: 20 } });
  const throttled = await fail("CreateKey");
  assert.deepEqual(throttled, {
    name: "ThrottlingError",
    statusCode: 429,
    code: "Rejected.Throttling",
    retryAfter: 20,
  });
  await new Promise((resolve) => setTimeout(resolve, throttled.retryAfter));
  const created = (await client.call("CreateKey", {}, {})) as { KeyMetadata: { KeyId: string } };
  const { KeyId } = created.KeyMetadata;

  await kms.inject({ operation: "Encrypt", calls: 1, effect: { kind: "error", code: "InternalFailure" } });
  const failed = await fail("Encrypt", { KeyId, Plaintext: "eA==" });
  assert.deepEqual([failed.statusCode, failed.code], [500, "InternalFailure"]);

  await client.call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "366" }, {});
  await kms.advance("P365D");
  assert.equal((await fail("Encrypt", { KeyId, Plaintext: "eA==" })).code, "Rejected.PendingDeletion");
  await kms.advance("P1D");
  assert.equal((await fail("DescribeKey", { KeyId })).code, "Forbidden.KeyNotFound");
});
