import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { World } from "./world.ts";

/** The length of each algorithm's code, in bytes. */
const MAC_BYTES: Readonly<Record<string, number>> = {
  HMAC_SHA_224: 28,
  HMAC_SHA_256: 32,
  HMAC_SHA_384: 48,
  HMAC_SHA_512: 64,
  HMAC_SM3: 32,
};

interface Verdict {
  readonly Value: boolean;
}

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const macOf = async (parameters: Record<string, string>) =>
    (await world.ok<{ Mac: string }>("GenerateMac", parameters)).Mac;

  // The cryptography is the same on any database.
  for (const [Algorithm, bytes] of database.name === "sqlite" ? Object.entries(MAC_BYTES) : []) {
    test(`a key of ${Algorithm} makes and verifies codes of its own`, async () => {
      const KeyId = await world.createKey({ KeySpec: Algorithm });
      const { KeyMetadata } = await world.ok<{ KeyMetadata: Record<string, string> }>("DescribeKey", { KeyId });
      assert.equal(KeyMetadata["KeyUsage"], "GENERATE/VERIFY_MAC");
      assert.equal(KeyMetadata["PrimaryKeyVersion"], undefined);
      const other = await world.createKey({ KeySpec: Algorithm });
      const messages = fc.uint8Array({ minLength: 1, maxLength: 500 }).map((message) => Buffer.from(message));
      const runs = fc.asyncProperty(messages, fc.nat(), async (message, at) => {
        const parameters = { KeyId, Algorithm, Message: message.toString("base64") };
        const answer = await world.ok<{ Mac: string }>("GenerateMac", parameters);
        const { Mac } = answer;
        assert.deepEqual(answer, { KeyId, Algorithm, Mac });
        const mac = Buffer.from(Mac, "base64");
        assert.equal(mac.length, bytes);
        assert.deepEqual(await world.ok("VerifyMac", { ...parameters, Mac }), { KeyId, Algorithm, Value: true });

        assert.equal((await world.ok<Verdict>("VerifyMac", { ...parameters, KeyId: other, Mac })).Value, false);
        mac.writeUInt8(mac.readUInt8(at % bytes) ^ 1, at % bytes);
        for (const wrong of [mac, mac.subarray(0, -1)]) {
          const verdict = await world.ok<Verdict>("VerifyMac", { ...parameters, Mac: wrong.toString("base64") });
          assert.equal(verdict.Value, false);
        }
      });
      await fc.assert(runs, { numRuns: 20 });
    });
  }

  test("a key makes codes by the algorithm of its spec only", async () => {
    const KeyId = await world.createKey({ KeySpec: "HMAC_SM3" });
    const parameters = { KeyId, Algorithm: "HMAC_SHA_256", Message: "aGVsbG8=" };
    const refusal =
      "Rejected.UnsupportedOperation: Unsupported operation. A key of the spec HMAC_SM3 authenticates messages with HMAC_SM3, not HMAC_SHA_256.";
    assert.equal(await world.refusal("GenerateMac", parameters), refusal);
    assert.equal(await world.refusal("VerifyMac", { ...parameters, Mac: "AAAA" }), refusal);
    const signing = { Algorithm: "RSA_PSS_SHA_256", Digest: createHash("sha256").digest("base64") };
    const { error } = await world.call("AsymmetricSign", { KeyId, KeyVersionId: "none", ...signing });
    assert.equal(error?.code, "Forbidden.KeyVersionNotFound");
  });

  test("a message is base64 of at most 65536 bytes", async () => {
    const KeyId = await world.createKey({ KeySpec: "HMAC_SHA_256" });
    const parameters = { KeyId, Algorithm: "HMAC_SHA_256" };
    await macOf({ ...parameters, Message: Buffer.alloc(65_536).toString("base64") });
    const advice = "It must be the base64 of at most 65536 bytes.";
    for (const Message of [Buffer.alloc(65_537).toString("base64"), "not base64", "aGVsbG8", "aGVsbG9="]) {
      const refusal = `InvalidParameter: The specified parameter "Message" is not valid. ${advice}`;
      assert.equal(await world.refusal("GenerateMac", { ...parameters, Message }), refusal);
    }
  });

  test("a key that is not enabled makes and verifies none", async () => {
    const KeyId = await world.createKey({ KeySpec: "HMAC_SHA_256" });
    const parameters = { KeyId, Algorithm: "HMAC_SHA_256", Message: "aGVsbG8=" };
    const Mac = await macOf(parameters);
    await world.ok("DisableKey", { KeyId });
    for (const refusal of [
      await world.refusal("GenerateMac", parameters),
      await world.refusal("VerifyMac", { ...parameters, Mac }),
    ]) {
      assert.ok(refusal.startsWith("Rejected.Disabled: "), refusal);
    }
  });
});
