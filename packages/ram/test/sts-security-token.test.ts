import assert from "node:assert/strict";
import { createSecretKey, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { issueSessionKeyId, MAX_SOURCE_ARN_CHARACTERS, newAccountId, newRoleId, parseId } from "@cinnabar/kernel";
import fc from "fast-check";
import {
  MAX_EARLIER_ROLES,
  MAX_SECURITY_TOKEN_CHARACTERS,
  MAX_SESSION_POLICY_BYTES,
  openSecurityToken,
  parseSecurityToken,
  sealSecurityToken,
  type SessionClaims,
} from "../src/sts/security-token.ts";
import { type SessionKeys, sessionKeysOf, sessionSecret } from "../src/sts/session-keys.ts";

const tagKey = createSecretKey(randomBytes(32));
const keys = sessionKeysOf(createSecretKey(randomBytes(32)));
const CHANGES = [0x01, 0x80, 0xff];

const instant = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const options = { noNullPrototype: true };
const provider = fc.record(
  { id: fc.stringMatching(/^[A-Za-z0-9_-]{22}$/), name: fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/) },
  options,
);
const policy = fc
  .string({ minLength: 1, maxLength: 600, unit: "grapheme" })
  .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= MAX_SESSION_POLICY_BYTES);
const anAccount = fc.constant(undefined).map(() => newAccountId());
const aRole = fc.constant(undefined).map(() => newRoleId());
const revision = fc.integer({ min: 1, max: 2 ** 48 - 1 });
const service = fc.record(
  {
    name: fc.stringMatching(/^[a-z]{1,20}$/),
    sourceArn: fc.option(fc.stringMatching(/^acs:[\x21-\x7e]{1,1020}$/), { nil: undefined }),
  },
  options,
);
const earlierRole = fc.record({ accountId: anAccount, roleId: aRole, revision }, options);
const claims: fc.Arbitrary<SessionClaims> = fc.record(
  {
    roleName: fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/),
    roleRevision: revision,
    sessionName: fc.stringMatching(/^[A-Za-z0-9.@_-]{2,64}$/),
    startedAt: instant,
    expiresAt: instant,
    mfaPresent: fc.boolean(),
    provider: fc.option(provider, { nil: undefined }),
    earlierRoles: fc.array(earlierRole, { maxLength: MAX_EARLIER_ROLES }),
    service: fc.option(service, { nil: undefined }),
    policy: fc.option(policy, { nil: undefined }),
    accountId: anAccount,
    sourceAccountId: anAccount,
    roleId: aRole,
    accessKeyId: fc
      .constant(undefined)
      .map(() => issueSessionKeyId(tagKey, { accountId: newAccountId(), keyVersion: 1 })),
  },
  options,
);

function open(token: string, under: SessionKeys = keys): SessionClaims | undefined {
  const sealed = parseSecurityToken(token);
  return sealed && openSecurityToken(sealed, under);
}

function example(given: Partial<SessionClaims> = {}): SessionClaims {
  const accountId = newAccountId();
  return {
    accountId,
    accessKeyId: issueSessionKeyId(tagKey, { accountId, keyVersion: 1 }),
    roleId: newRoleId(),
    roleName: "deployer",
    roleRevision: 3,
    sessionName: "build-42",
    startedAt: 1_767_323_045_000,
    expiresAt: 1_767_326_645_000,
    sourceAccountId: accountId,
    mfaPresent: false,
    provider: undefined,
    earlierRoles: [],
    policy: undefined,
    ...given,
  };
}

test("a token opens to what was sealed, and names the account and the key's version outside", () => {
  fc.assert(
    fc.property(claims, fc.integer({ min: 1, max: 2 ** 32 - 1 }), (sealed, keyVersion) => {
      const token = sealSecurityToken(sealed, { keys, keyVersion });
      assert.match(token, /^[A-Za-z0-9_-]+$/);
      assert.ok(token.length <= MAX_SECURITY_TOKEN_CHARACTERS);
      assert.deepEqual(open(token), sealed);
      const parsed = parseSecurityToken(token);
      assert.deepEqual([parsed?.accountId, parsed?.keyVersion], [sealed.accountId, keyVersion]);
    }),
  );
});

test("a token with any one byte changed does not open", () => {
  const bytes = Buffer.from(sealSecurityToken(example({ policy: "{}" }), { keys, keyVersion: 1 }), "base64url");
  for (let at = 0; at < bytes.length; at++) {
    for (const change of CHANGES) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8((bytes.at(at) ?? 0) ^ change, at);
      assert.equal(open(altered.toString("base64url")), undefined, `byte ${at}`);
    }
  }
});

test("a token with any one character replaced, left out or added does not open", () => {
  const token = sealSecurityToken(example(), { keys, keyVersion: 1 });
  const characters = Array.from("AQgw049-_=+/ .~é\n");
  for (let at = 0; at <= token.length; at++) {
    assert.equal(open(token.slice(0, at) + token.slice(at + 1)) !== undefined, at === token.length);
    for (const character of characters) {
      assert.equal(open(token.slice(0, at) + character + token.slice(at)), undefined);
      if (token[at] === character || at === token.length) continue;
      assert.equal(open(token.slice(0, at) + character + token.slice(at + 1)), undefined);
    }
  }
});

test("no other text opens, and none makes it fail otherwise", () => {
  fc.assert(fc.property(fc.string({ maxLength: 500 }), (text) => open(text) === undefined));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      bytes[0] = 1;
      return open(Buffer.from(bytes).toString("base64url")) === undefined;
    }),
  );
  assert.equal(open("A".repeat(MAX_SECURITY_TOKEN_CHARACTERS + 1)), undefined);
});

test("a token opens under no other key", () => {
  const token = sealSecurityToken(example(), { keys, keyVersion: 1 });
  assert.equal(open(token, sessionKeysOf(createSecretKey(randomBytes(32)))), undefined);
});

test("two tokens of the same session differ, and so do the secrets of two sessions", () => {
  const session = example();
  const seal = () => sealSecurityToken(session, { keys, keyVersion: 1 });
  assert.notEqual(seal(), seal());
  const secret = sessionSecret(keys, session.accessKeyId);
  assert.match(secret.toString("latin1"), /^[0-9a-f]{40}$/);
  assert.deepEqual(sessionSecret(keys, session.accessKeyId), secret);
  assert.notDeepEqual(sessionSecret(keys, example().accessKeyId), secret);
  assert.notDeepEqual(sessionSecret(sessionKeysOf(createSecretKey(randomBytes(32))), session.accessKeyId), secret);
});

function rolesBefore(count: number): SessionClaims["earlierRoles"] {
  return Array.from({ length: count }, () => ({ accountId: newAccountId(), roleId: newRoleId(), revision: 7 }));
}

test("the longest session fits, and a longer policy or name, or more roles, are a mistake", () => {
  const longest = example({
    roleName: "r".repeat(64),
    sessionName: "s".repeat(64),
    provider: { id: "p".repeat(22), name: "n".repeat(128) },
    earlierRoles: rolesBefore(MAX_EARLIER_ROLES),
    service: { name: "s".repeat(128), sourceArn: `acs:${"r".repeat(MAX_SOURCE_ARN_CHARACTERS - 4)}` },
    policy: "x".repeat(MAX_SESSION_POLICY_BYTES),
  });
  assert.ok(sealSecurityToken(longest, { keys, keyVersion: 1 }).length <= MAX_SECURITY_TOKEN_CHARACTERS);
  const tooMany = { earlierRoles: rolesBefore(MAX_EARLIER_ROLES + 1) };
  const service = { name: "oss", sourceArn: "r".repeat(MAX_SOURCE_ARN_CHARACTERS + 1) };
  for (const tooLong of [{ service }, { policy: "é".repeat(1025) }, { roleName: "r".repeat(129) }, tooMany]) {
    assert.throws(() => sealSecurityToken(example(tooLong), { keys, keyVersion: 1 }), RangeError);
  }
});

test("the example of docs/formats/security-token.md opens to what it says", async () => {
  const text = await readFile(new URL("../../../docs/formats/security-token.md", import.meta.url), "utf8");
  const field = (name: string) => new RegExp(`^${name}: +(\\S+)$`, "m").exec(text)?.[1] ?? "";
  const documented = sessionKeysOf(createSecretKey(Buffer.from(field("account key"), "hex")));
  const opened = open(field("token"), documented);
  assert.deepEqual(opened, {
    accountId: "1234567890123456",
    accessKeyId: "STS.AbCdEfGhIjKlMnOpQrStUvWx",
    roleId: "312345678901234567",
    roleName: "deployer",
    roleRevision: 3,
    sessionName: "build-42",
    startedAt: 1_767_323_045_000,
    expiresAt: 1_767_326_645_000,
    sourceAccountId: "6543210987654321",
    mfaPresent: true,
    provider: { id: "AAECAwQFBgcICQoLDA0ODw", name: "ci" },
    earlierRoles: [{ accountId: "6543210987654321", roleId: "398765432109876543", revision: 7 }],
    service: undefined,
    policy: '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}]}',
  });
  const id = parseId("SessionKey", "STS.AbCdEfGhIjKlMnOpQrStUvWx");
  assert.equal(sessionSecret(documented, id).toString("latin1"), field("secret"));
});
