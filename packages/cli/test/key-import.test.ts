import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { generateKeyPair } from "@cinnabar/crypto";
import { run } from "../src/index.ts";
import { MemoryIo } from "./memory-io.ts";
import { StubService } from "./stub-service.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

let folder: TemporaryFolder;
let stub: StubService;
before(async () => {
  folder = await TemporaryFolder.create();
  stub = await StubService.start();
  await stub.writeCredentials(folder.join("credentials.json"));
});
after(async () => {
  await stub[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function importInto(key: string, file: string, ...options: readonly string[]) {
  return cinnabar(undefined, key, file, ...options);
}

async function cinnabar(stdin: Buffer | undefined, ...words: readonly string[]) {
  const io = new MemoryIo(stdin === undefined ? {} : { stdin });
  const credentials = ["--credentials", folder.join("credentials.json")];
  const exitCode = await run(["key", "import", ...words, ...credentials], io);
  return { exitCode, stdout: io.captured.bytes.toString(), stderr: io.stderr.text };
}

/** Writes a file and imports it. */
async function importContent(key: string, content: string | Uint8Array, ...options: readonly string[]) {
  const file = folder.join(randomBytes(8).toString("hex"));
  await writeFile(file, content);
  return importInto(key, file, ...options);
}

const lastImported = () => stub.imports.imported.at(-1);

test("a dry run asks whether the key would take the material, and only where that is all that happens", async () => {
  const asked = () => stub.requests.map(({ action, parameters }) => `${action} ${parameters.get("DryRun") ?? ""}`);
  const imported = stub.imports.imported.length;
  stub.requests.length = 0;
  const { exitCode, stdout, stderr } = await importContent("alias/aes", randomBytes(32), "--dry-run");
  assert.equal(exitCode, 0, stderr);
  assert.equal(stdout, "Importing the material would succeed. Nothing was changed.\n");
  const before = ["DescribeKey ", "GetParametersForImport ", "DescribeRegions true"];
  assert.deepEqual(asked(), [...before, "ImportKeyMaterial true"]);

  stub.requests.length = 0;
  const rotated = await importContent("alias/aes", randomBytes(32), "--dry-run", "--new-version", "--json");
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  assert.match(rotated.stdout, /"Code": "DryRunOperationError"/);
  assert.deepEqual(asked(), ["DescribeKey ", "DescribeRegions true", "CreateKeyVersion true"]);

  stub.requests.length = 0;
  stub.knowsDryRuns = false;
  try {
    const unasked = await importContent("alias/aes", randomBytes(32), "--dry-run");
    assert.equal(unasked.exitCode, 1);
    assert.match(unasked.stderr, /has no dry runs of every operation: it was not asked/);
    assert.deepEqual(asked(), before);
  } finally {
    stub.knowsDryRuns = true;
  }
  assert.equal(stub.imports.imported.length, imported);
});

test("takes bytes as they are or as digits, from a file or the standard input, and compares fingerprints", async () => {
  const material = randomBytes(32);
  const digits = material.toString("hex");
  const runs = [
    () => importContent("alias/aes", material),
    () => importContent("alias/aes", `${digits}\n`),
    () => importContent("alias/aes", ` ${digits.toUpperCase()}\r\n`),
    () => cinnabar(Buffer.from(material), "alias/aes", "-"),
    () => importContent("alias/aes", digits, "--wrapping", "SM2PKE"),
    () => importContent("alias/aes", digits, "--wrapping", "RSAES_PKCS1_V1_5"),
  ];
  for (const one of runs) {
    const before = stub.imports.imported.length;
    const { exitCode, stdout, stderr } = await one();
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stdout,
      /^Imported the material of the key alias\/aes\. It does not expire\.\nIts fingerprint is [0-9a-f]{64}, which the service has computed too\.\n$/,
    );
    assert.ok(!(stdout + stderr).includes(digits));
    assert.equal(stub.imports.imported.length, before + 1);
    assert.deepEqual([lastImported()?.material, lastImported()?.expires], [material, "0"]);
  }
});

test("takes a pair in every form that openssl writes", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  for (const [key, pair, old] of [
    ["alias/rsa", rsa, "pkcs1"],
    ["alias/p256", p256, "sec1"],
  ] as const) {
    const der = pair.export({ type: "pkcs8", format: "der" });
    const forms = [der, pair.export({ type: "pkcs8", format: "pem" }), pair.export({ type: old, format: "pem" })];
    const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (const form of [...forms, parameters + String(forms[2])]) {
      const { exitCode, stderr } = await importContent(key, form);
      assert.equal(exitCode, 0, stderr);
      assert.deepEqual(lastImported()?.material, der);
    }
    const locked = pair.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
    assert.match((await importContent(key, locked)).stderr, /ENCRYPTED PRIVATE KEY .*Decrypt it first/);
  }
});

test("takes a pair of SM2 as PKCS #8 or as its scalar", async () => {
  const pkcs8 = generateKeyPair("EC_SM2").privateKey;
  const base64 = pkcs8.toString("base64");
  const forms = [pkcs8, `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`];
  for (const form of forms) {
    const { exitCode, stderr } = await importContent("alias/sm2", form);
    assert.equal(exitCode, 0, stderr);
  }
  const scalar = lastImported()?.material ?? Buffer.alloc(0);
  assert.ok(pkcs8.includes(scalar) && scalar.length === 32);
  for (const form of [scalar, scalar.toString("hex")]) {
    assert.equal((await importContent("alias/sm2", form)).exitCode, 0);
    assert.deepEqual(lastImported()?.material, scalar);
  }
});

test("refuses what is no key of the spec, before anything is sent", async () => {
  const imported = stub.imports.imported.length;
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ type: "pkcs8", format: "der" });
  for (const [key, content, said] of [
    ["alias/aes", randomBytes(31), /is 32 bytes, as they are or as 64 hexadecimal digits/],
    [
      "alias/aes",
      Buffer.from("00112233445566778899aabbccddeeff"),
      /The 32 hexadecimal digits are half a key: it takes 64/,
    ],
    ["alias/aes", "x".repeat(64), /is 32 bytes/],
    ["alias/mac", randomBytes(32), /is 64 bytes/],
    ["alias/p256", p384, /cinnabar: .*/],
    ["alias/p256", "words", /cinnabar: .*/],
    ["alias/sm2", Buffer.alloc(32), /from 1 to the order/],
    ["alias/aes", Buffer.alloc(100_000), /too long to be a key/],
    ["alias/odd", randomBytes(32), /a Odd_Spec key is imported is not known/],
  ] as const) {
    const { exitCode, stdout, stderr } = await importContent(key, content);
    assert.deepEqual([exitCode, stdout], [1, ""]);
    assert.match(stderr, said);
    assert.ok(!stderr.includes("RangeError"));
  }
  assert.equal(stub.imports.imported.length, imported);
  assert.equal((await importInto("alias/aes", folder.join("none"))).exitCode, 1);
});

test("says when the material expires, and that a fingerprint is another one or is not told", async () => {
  const material = randomBytes(32);
  const expiring = await importContent("alias/aes", material, "--expires", "2099-01-31", "--json");
  assert.equal(lastImported()?.expires, String(Date.UTC(2099, 0, 31) / 1000));
  const { fingerprint, ...rest } = JSON.parse(expiring.stdout) as Record<string, unknown>;
  assert.match(String(fingerprint), /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    keyId: "alias/aes",
    wrapping: "RSAES_OAEP_SHA_256",
    isConfirmed: true,
    materialExpireTime: "2099-01-31T00:00:00Z",
  });
  const lied = await importContent("alias/liar", material);
  assert.deepEqual([lied.exitCode, lied.stdout], [1, ""]);
  assert.match(lied.stderr, /imported other material than was sent: its fingerprint is 0{64}, not [0-9a-f]{64}/);
  assert.match((await importContent("alias/silent", material)).stdout, /of which the service says nothing/);

  for (const options of [
    ["--expires", "tomorrow"],
    ["--expires", "1970-01-01"],
    ["--expires", "2027-01-31T12:00:00"],
    ["--wrapping", "ROT13"],
    ["--wrapping", "RSAES_OAEP_SHA_256", "--new-version", "--key-version", "1"],
  ]) {
    const { exitCode } = await importContent("alias/aes", material, ...options);
    assert.equal(exitCode, 2, options.join(" "));
  }
});

test("a rotation asks for a further version first, and a version that is named is asked for", async () => {
  const material = randomBytes(32);
  const asked = async (...options: readonly string[]) => {
    const before = stub.requests.length;
    assert.equal((await importContent("alias/aes", material, ...options)).exitCode, 0);
    return stub.requests.slice(before);
  };
  const [, created, parameters] = await asked("--new-version");
  assert.deepEqual([created?.action, parameters?.action], ["CreateKeyVersion", "GetParametersForImport"]);
  const [, again] = await asked("--key-version", "2ab1a983-7072-4bbc-a582-584b5bd8c42e");
  assert.equal(again?.parameters.get("KeyVersionId"), "2ab1a983-7072-4bbc-a582-584b5bd8c42e");
});
