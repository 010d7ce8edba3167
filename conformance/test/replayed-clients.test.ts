import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Deployment } from "../src/deployment.ts";
import { Replayer } from "../src/replay/replayer.ts";
import { requestShapes } from "../src/replay/request-shape.ts";

/** All that one language's encoder spells otherwise than another's. */
const TEXT = "a b+c ~*'()! % & = ; / \\ \" <é密\u{1F600}>";
const CONTEXT = { tenant: "acme & co", größe: "5 < 6", "k/v": "~*" };
/** One map, as encoders of JSON write it. */
const SPELLINGS: Readonly<Record<string, string>> = {
  compact: JSON.stringify(CONTEXT),
  spaced: JSON.stringify(CONTEXT).replaceAll('":"', '": "').replaceAll('","', '", "'),
  "in ASCII": JSON.stringify(CONTEXT).replaceAll(
    /[^ -~]/g,
    (c) => String.raw`\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  ),
  "safe for HTML": JSON.stringify(CONTEXT)
    .replaceAll("<", String.raw`\u003c`)
    .replaceAll("&", String.raw`\u0026`),
  "with slashes": JSON.stringify(CONTEXT).replaceAll("/", String.raw`\/`),
};
const NO_KEY = "00000000-0000-4000-8000-000000000000";

let deployment: Deployment;
before(async () => {
  deployment = await Deployment.start({ tls: false });
});
after(() => deployment[Symbol.asyncDispose]());

for (const shape of requestShapes) {
  test(`${shape.client}: makes a key, encrypts and decrypts`, async () => {
    const client = new Replayer(deployment, shape);
    const { KeyMetadata: made } = await client.call("CreateKey", { Description: TEXT });
    const { KeyId } = made as { KeyId: string };
    const { KeyMetadata: described } = await client.call("DescribeKey", { KeyId });
    assert.equal((described as { Description: string }).Description, TEXT);

    const Plaintext = Buffer.from(TEXT).toString("base64");
    const spellings = Object.values(SPELLINGS);
    for (const [position, EncryptionContext] of spellings.entries()) {
      const { CiphertextBlob } = await client.call("Encrypt", { KeyId, Plaintext, EncryptionContext });
      const other = spellings[(position + 1) % spellings.length] ?? "";
      const opened = await client.call("Decrypt", {
        CiphertextBlob: String(CiphertextBlob),
        EncryptionContext: other,
      });
      assert.equal(opened["Plaintext"], Plaintext);
    }
    await client.call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
  });

  test(`${shape.client}: reads errors in the form that it looks for`, async () => {
    const client = new Replayer(deployment, shape);
    const missing = await client.attempt("DescribeKey", { KeyId: NO_KEY });
    assert.equal(missing.status, 404);
    assert.equal(missing.body["Code"], "Forbidden.KeyNotFound");
    for (const field of ["Message", "RequestId", "HostId"]) assert.equal(typeof missing.body[field], "string");

    const signed = client.sign("ListKeys", {});
    assert.equal((await client.send(signed)).status, 200);
    const repeated = await client.send(signed);
    assert.deepEqual([repeated.status, repeated.body["Code"]], [400, "SignatureNonceUsed"]);

    const forged = client.sign("ListKeys", {}, "another secret");
    const { status, body } = await client.send(forged);
    assert.deepEqual([status, body["Code"]], [400, "SignatureDoesNotMatch"]);
    // Python's core takes what follows the first colon for the string that it should have signed.
    const [, served] = String(body["Message"]).split(":");
    assert.equal(served, forged.stringToSign);
  });
}
