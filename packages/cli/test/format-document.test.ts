import assert from "node:assert/strict";
import { createDecipheriv, createHash, createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { test } from "node:test";
import { openEnvelope, sealEnvelope } from "../src/envelope/envelope.ts";

const specification = readFileSync(new URL("../../../docs/formats/file-envelope.md", import.meta.url), "utf8");

function block(name: string): string {
  const content = new RegExp(`^\`\`\`${name}\n(.*?)\n\`\`\`$`, "ms").exec(specification)?.[1];
  assert.ok(content, `the specification has a block "${name}"`);
  return content;
}

/** Hexadecimal, with what follows a `#` in each line for people. */
function bytes(name: string): Buffer {
  const digits = block(name).replaceAll(/#.*$/gm, "").replaceAll(/\s/g, "");
  assert.match(digits, /^(?:[0-9a-f]{2})+$/);
  return Buffer.from(digits, "hex");
}

const dataKey = bytes("data-key");
const salt = bytes("salt");
const header = {
  keyId: block("key-id"),
  keyVersionId: block("key-version-id"),
  ciphertextBlob: block("ciphertext-blob"),
  encryptionContext: JSON.parse(block("encryption-context")) as Record<string, string>,
};
const plaintext = Buffer.from(`${block("plaintext")}\n`);
const [preamble, mac, payload] = [bytes("preamble"), bytes("mac"), bytes("payload")];
const file = Buffer.from(block("file").replaceAll("\n", ""), "base64");

test("the documented file is made of the documented parts", () => {
  assert(file.equals(Buffer.concat([preamble, mac, payload])));
});

test("the documented inputs make the documented file", async () => {
  const sealed = await buffer(
    sealEnvelope({ dataKey: Uint8Array.from(dataKey), header, salt, source: Readable.from([plaintext]) }),
  );
  assert.equal(sealed.toString("base64"), file.toString("base64"));
});

test("the documented file opens to the documented header and plaintext", async () => {
  const opened = await openEnvelope(Readable.from([file]), async (found) => {
    assert.deepEqual(found, { ...header, salt });
    return Uint8Array.from(dataKey);
  });
  assert((await buffer(opened.plaintext)).equals(plaintext));
});

test("the documented keys, MAC and payload follow from the documented rules alone", () => {
  const digest = createHash("sha256").update(preamble).digest();
  const payloadInfo = Buffer.concat([Buffer.from("cinnabar-file/v1 payload"), digest]);
  const headerKey = Buffer.from(hkdfSync("sha256", dataKey, salt, "cinnabar-file/v1 header", 32));
  const payloadKey = Buffer.from(hkdfSync("sha256", dataKey, salt, payloadInfo, 32));
  assert(headerKey.equals(bytes("header-key")));
  assert(payloadKey.equals(bytes("payload-key")));
  assert(createHmac("sha256", headerKey).update(preamble).digest().equals(mac));
  const nonce = Buffer.from("000000000000000000000001", "hex");
  const decipher = createDecipheriv("aes-256-gcm", payloadKey, nonce).setAuthTag(payload.subarray(-16));
  assert(Buffer.concat([decipher.update(payload.subarray(0, -16)), decipher.final()]).equals(plaintext));
});
