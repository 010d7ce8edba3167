import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ServerProcess } from "@cinnabar/testkit";
import { OpenapiCoreClient } from "../src/clients/openapi-core.ts";

test("an account that calls too often hears so as the official client expects it, and when to come again", async () => {
  const data = await mkdtemp(join(tmpdir(), "cinnabar-throttling-"));
  try {
    await using server = await ServerProcess.start({ data, flags: ["--throttle=CreateKey=2"] });
    const { endpoint, credentials } = server;
    const client = new OpenapiCoreClient(
      { name: "openapi-core", endpoint: endpoint.origin, ...credentials },
      { algorithm: "ACS3-HMAC-SHA256", place: "query" },
    );
    const create = (): Promise<unknown> => client.call("CreateKey", {}, {});
    await create();
    await create();
    const refused: unknown = await create().then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(refused instanceof Error);
    assert.equal(refused.name, "ThrottlingError");
    const { statusCode, code, retryAfter } = Object.assign({ statusCode: 0, code: "", retryAfter: 0 }, refused);
    assert.deepEqual({ statusCode, code }, { statusCode: 429, code: "Rejected.Throttling" });
    assert.ok(retryAfter >= 1 && retryAfter <= 500, `${retryAfter} ms`);
    // Other classes are not limited, and who waits as long as told is let through.
    for (let i = 0; i < 20; i++) await client.call("ListKeys", {}, {});
    await new Promise((resolve) => setTimeout(resolve, retryAfter));
    await create();
  } finally {
    await rm(data, { recursive: true });
  }
});
