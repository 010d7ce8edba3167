import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import {
  encodeSystemEvent,
  newAccountId,
  newKeyId,
  newKeyVersionId,
  newRequestId,
  signDestructionCertificate,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import { KEY_SPEC_NAMES } from "../src/key/key-spec.ts";
import { keyArn } from "../src/resource-name.ts";
import { MAX_VERSIONS } from "../src/version/version-limits.ts";

const MAX_EVENT_BYTES = 60_000;
const DESTROYED_AT = Date.UTC(2126, 0, 2, 3, 4, 5, 678);
/** As many as are destroyed together with a key, of the longest names there are. */
const ALIASES = Array.from({ length: 100 }, () => `alias/${"x".repeat(255)}`);

test("the event of the destruction of a key with as many versions as there can be has room for its certificate", () => {
  const { privateKey: key } = generateKeyPairSync("ed25519");
  const [accountId, keyId, region] = [newAccountId(), newKeyId(), "ap-southeast-1"];
  const spec = KEY_SPEC_NAMES.reduce((longest, name) => (name.length > longest.length ? name : longest));
  const versions = Array.from({ length: MAX_VERSIONS }, () => ({
    versionId: newKeyVersionId(),
    spec,
    origin: "Aliyun_KMS" as const,
    createdAt: DESTROYED_AT,
    accountKeyVersion: 9_999,
    fingerprint: "x".repeat(44),
  }));
  const certificate = signDestructionCertificate(
    {
      kind: "key",
      accountId,
      keyId,
      arn: keyArn({ region, accountId }, keyId),
      usage: "GENERATE/VERIFY_MAC",
      protectionLevel: "SOFTWARE",
      createdAt: DESTROYED_AT,
      scheduledAt: DESTROYED_AT,
      dueAt: DESTROYED_AT,
      destroyedAt: DESTROYED_AT,
      epoch: Number.MAX_SAFE_INTEGER,
      versions,
    },
    new NoteSigner({ name: `kms.${"example".repeat(20)}.com/production`, key }),
  );
  const event = encodeSystemEvent({
    name: "DestroyKey",
    region,
    eventId: newRequestId(),
    time: DESTROYED_AT,
    epoch: Number.MAX_SAFE_INTEGER,
    data: { keyId, aliases: ALIASES, certificate },
    accountId,
    resource: { type: "ACS::KMS::Key", name: keyId },
  });
  const bytes = Buffer.byteLength(event);
  assert.ok(bytes < MAX_EVENT_BYTES, `${bytes} bytes`);
  assert.ok(bytes > MAX_EVENT_BYTES / 2, "the limit is none too small");
});
