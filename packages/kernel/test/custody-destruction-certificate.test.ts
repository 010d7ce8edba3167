import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MerkleError, NoteSigner, NoteVerifier, openCheckpoint, signCheckpoint } from "@cinnabar/merkle-log";
import * as fc from "fast-check";
import { logOrigin } from "../src/audit/checkpointer.ts";
import {
  CertificateError,
  type DestructionCertificate,
  fingerprint,
  openDestructionCertificate,
  signDestructionCertificate,
} from "../src/custody/destruction-certificate.ts";

const specification = readFileSync(
  new URL("../../../docs/formats/destruction-certificate.md", import.meta.url),
  "utf8",
);

function block(name: string): string {
  const content = new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\`$`, "ms").exec(specification)?.[1];
  assert.ok(content, `the specification has a block "${name}"`);
  return content;
}

const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: "der", type: "pkcs8" });
const ORIGIN = "kms.example/audit";
const signer = new NoteSigner({ name: ORIGIN, key });
const verifier = NoteVerifier.parse(block("verifier-key").trimEnd());

const ACCOUNT = "1234567890123456";
const KEY = "5c438b18-05be-40ad-b6c2-3be6752c3d8f";
const shared = { spec: "Aliyun_AES_256", origin: "Aliyun_KMS" };

const DOCUMENTED: Readonly<Record<string, DestructionCertificate>> = {
  "key-certificate": {
    kind: "key",
    accountId: ACCOUNT,
    keyId: KEY,
    arn: `acs:kms:cn-hangzhou:${ACCOUNT}:key/${KEY}`,
    usage: "ENCRYPT/DECRYPT",
    protectionLevel: "SOFTWARE",
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    scheduledAt: Date.UTC(2026, 5, 1, 12, 0, 0, 250),
    dueAt: Date.UTC(2026, 6, 1, 12),
    destroyedAt: Date.UTC(2026, 6, 1, 12, 0, 31, 7),
    epoch: 4711,
    versions: [
      {
        ...shared,
        versionId: "0b2f3c4d-1111-4222-8333-444455556666",
        createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
        accountKeyVersion: 1,
        fingerprint: fingerprint(Buffer.from("wrapped one")),
      },
      {
        ...shared,
        versionId: "7e8f9a0b-2222-4333-8444-555566667777",
        createdAt: Date.UTC(2026, 2, 3),
        accountKeyVersion: 2,
        fingerprint: fingerprint(Buffer.from("wrapped two")),
      },
    ],
  },
  "account-key-certificate": {
    kind: "account-key",
    accountId: ACCOUNT,
    version: 2,
    successor: 3,
    rewrappedAt: Date.UTC(2026, 6, 1, 12, 5),
    backupRetentionSeconds: 35 * 86_400,
    destroyedAt: Date.UTC(2026, 7, 5, 13),
    epoch: 5120,
    fingerprint: fingerprint(Buffer.from("wrapped account key")),
  },
};

for (const [name, certificate] of Object.entries(DOCUMENTED)) {
  test(`the documented ${name} is written and read to the byte`, () => {
    assert.equal(signDestructionCertificate(certificate, signer), block(name));
    assert.deepEqual(openDestructionCertificate(block(name), verifier), certificate);
  });

  test(`a changed ${name} does not hold, wherever it was changed`, () => {
    const note = Buffer.from(block(name));
    for (let i = 0; i < note.length; i++) {
      const changed = Buffer.from(note);
      changed[i] = (changed[i] ?? 0) ^ 1;
      assert.throws(() => openDestructionCertificate(changed, verifier), MerkleError);
    }
  });

  test(`what the same key signs beside a ${name} is none`, () => {
    const { text } = /^(?<text>.*\n)\n\u2014 /su.exec(block(name))?.groups ?? assert.fail();
    const others = [
      text?.replace("/v1\n", "/v2\n"),
      text?.replace("/destruction\n", "\n"),
      text?.replace("kms.example", "kms2.example"),
      text?.replace("epoch ", "epoch 0"),
      text?.replace(".000Z", "Z"),
      text?.replace("statement The live store", "statement No store"),
      text?.replace(/destroyed .*\n/, ""),
      text?.replace(/destroyed (.*)\n/, "destroyed never\n"),
      `${text}more\n`,
      "hello\n",
    ];
    for (const other of others) {
      assert.notEqual(other, text);
      assert.throws(() => openDestructionCertificate(signer.sign(other ?? ""), verifier), CertificateError, other);
    }
  });
}

test("a certificate is never taken for a checkpoint, nor a checkpoint for a certificate", () => {
  for (const name of Object.keys(DOCUMENTED)) {
    assert.throws(() => openCheckpoint(block(name), verifier), { code: "malformed-checkpoint" });
  }
  for (const shard of [0, 1]) {
    const note = signCheckpoint({ origin: logOrigin(ORIGIN, shard), size: 5, root: new Uint8Array(32) }, signer);
    assert.throws(() => openDestructionCertificate(note, verifier), CertificateError);
  }
});

test("every certificate is read as it was written", () => {
  const instant = fc.integer({ min: 0, max: Date.UTC(9999, 0) });
  const uuid = fc.uuid();
  const sha256 = fc.uint8Array({ maxLength: 40 }).map(fingerprint);
  const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const account = fc.stringMatching(/^[1-9][0-9]{15}$/);
  const version = fc.record(
    {
      versionId: uuid,
      spec: fc.constantFrom("Aliyun_AES_256", "RSA_2048"),
      origin: fc.constantFrom("Aliyun_KMS", "EXTERNAL"),
      createdAt: instant,
      accountKeyVersion: count,
      fingerprint: sha256,
    },
    { noNullPrototype: true },
  );
  const ofKey = fc.record(
    {
      kind: fc.constant("key" as const),
      accountId: account,
      keyId: uuid,
      arn: uuid,
      usage: fc.constantFrom("ENCRYPT/DECRYPT", "SIGN/VERIFY"),
      protectionLevel: fc.constantFrom("SOFTWARE", "HSM"),
      createdAt: instant,
      scheduledAt: fc.option(instant, { nil: undefined }),
      dueAt: instant,
      destroyedAt: instant,
      epoch: count,
      versions: fc.array(version, { minLength: 1, maxLength: 50 }),
    },
    { noNullPrototype: true },
  );
  const ofAccountKey = fc.record(
    {
      kind: fc.constant("account-key" as const),
      accountId: account,
      version: count,
      successor: count,
      rewrappedAt: instant,
      backupRetentionSeconds: fc.nat(),
      destroyedAt: instant,
      epoch: count,
      fingerprint: sha256,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.oneof(ofKey, ofAccountKey), (certificate) => {
      const note = signDestructionCertificate(certificate, signer);
      assert.deepEqual(openDestructionCertificate(note, verifier), certificate);
      // With its aliases, the event stays below its 60,000 bytes.
      assert.ok(JSON.stringify(note).length < 20_000);
    }),
    { numRuns: 200 },
  );
});
