import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../src/index.ts";
import { call } from "../call.ts";

let kms: Emulator;

beforeAll(async () => {
  kms = await startEmulator();
});
afterAll(() => kms.stop());
beforeEach(() => kms.reset());

test("a key that was deleted 366 days ago is gone", async () => {
  const { KeyMetadata } = await call(kms, "CreateKey");
  const KeyId = String(KeyMetadata?.["KeyId"]);
  await call(kms, "ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 366 });
  await kms.advance("P366D");
  await expect(call(kms, "DescribeKey", { KeyId })).rejects.toMatchObject({ code: "Forbidden.KeyNotFound" });
});

test("every test begins without keys", async () => {
  expect(await call(kms, "ListKeys")).toMatchObject({ TotalCount: 0 });
});
