import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { copyFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ServerProcess } from "@cinnabar/testkit";
import { run } from "../src/index.ts";
import { MemoryIo } from "./memory-io.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

test("a server takes what the command wraps, by every wrapping, and both find the same fingerprint", async () => {
  await using folder = await TemporaryFolder.create();
  const data = folder.join("data");
  await using server = await ServerProcess.start({ data });
  const credentials = folder.join("credentials.json");
  await copyFile(`${data}/root-access-key.json`, credentials);
  const client = server.client();
  const cinnabar = async (...words: readonly string[]) => {
    const io = new MemoryIo({});
    const exitCode = await run(["key", "import", ...words, "--credentials", credentials], io);
    return { exitCode, stdout: io.captured.bytes.toString(), stderr: io.stderr.text };
  };
  const newKey = async (KeySpec: string, more: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { KeyMetadata } = await client.call("CreateKey", { KeySpec, Origin: "EXTERNAL", ...more });
    return String((KeyMetadata as { readonly KeyId: unknown }).KeyId);
  };
  const importInto = async (key: string, content: string | Uint8Array, ...options: readonly string[]) => {
    const file = folder.join(randomBytes(8).toString("hex"));
    await writeFile(file, content);
    return cinnabar(key, file, ...options);
  };
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  const SAME =
    /^Imported the material of the key .*\nIts fingerprint is [0-9a-f]{64}, which the service has computed too\.\n$/;

  const aes = randomBytes(32);
  const aesKey = await newKey("Aliyun_AES_256");
  const made: readonly (readonly [string, string | Uint8Array, ...string[]])[] = [
    [aesKey, aes],
    [await newKey("Aliyun_AES_256"), randomBytes(32).toString("hex"), "--wrapping", "RSAES_PKCS1_V1_5"],
    [await newKey("Aliyun_AES_256"), randomBytes(32), "--wrapping", "SM2PKE"],
    [await newKey("HMAC_SHA_256", { KeyUsage: "GENERATE/VERIFY_MAC" }), randomBytes(32)],
    [await newKey("EC_P256", { KeyUsage: "SIGN/VERIFY" }), pem],
  ];
  for (const [key, content, ...options] of made) {
    const { exitCode, stdout, stderr } = await importInto(key, content, ...options);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, SAME);
  }
  const pair = made.at(-1)?.[0] ?? "";
  const { KeyVersions } = await client.call("ListKeyVersions", { KeyId: pair });
  const [version] = (KeyVersions as { readonly KeyVersion: readonly { readonly KeyVersionId: string }[] }).KeyVersion;
  const told = await client.call("GetPublicKey", { KeyId: pair, KeyVersionId: version?.KeyVersionId });
  assert.equal(told["PublicKey"], publicKey.export({ type: "spki", format: "pem" }));

  // The same again is taken, and nothing else; a further version takes other material.
  assert.equal((await importInto(aesKey, aes)).exitCode, 0);
  const refused = await importInto(aesKey, randomBytes(32));
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /InvalidKeyMaterial/);
  const rotated = await importInto(aesKey, randomBytes(32), "--new-version");
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  const tried = await importInto(await newKey("Aliyun_SM4"), randomBytes(16), "--dry-run");
  assert.equal(tried.stdout, "Importing the material would succeed. Nothing was changed.\n");
  client.close();
  await server.stop();
});
