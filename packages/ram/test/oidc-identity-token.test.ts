import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { ApiError, type FederatedPrincipal, newAccountId } from "@cinnabar/kernel";
import fc from "fast-check";
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, type JWK, type JWTPayload, SignJWT } from "jose";
import { type FetchDocument, FetchError } from "../src/oidc/fetch-document.ts";
import { IdentityTokenVerifier } from "../src/oidc/identity-token-verifier.ts";
import { isLocalAddress } from "../src/oidc/local-address.ts";
import { discoveryUrl, ProviderKeys } from "../src/oidc/provider-keys.ts";
import type { OidcProvider } from "../src/oidc/provider-repository.ts";
import { madeOnce } from "../src/sts/made-once.ts";

const ISSUER = "https://idp.example.com/tenant";
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const SECONDS = NOW / 1000;
const INVALID = "AuthenticationFail.OIDCToken.Invalid";
const EXPIRED = "AuthenticationFail.OIDCToken.Expired";
const MINUTE_MILLIS = 60_000;

/** A provider on a network of its own, whose keys, documents and clock a test sets. */
class Idp {
  readonly provider: OidcProvider = {
    id: "AAECAwQFBgcICQoLDA0ODw",
    accountId: newAccountId(),
    name: "ci",
    issuer: ISSUER,
    clientIds: ["kms", "another"],
    ca: undefined,
    allowsLocalAddresses: false,
    createdAt: NOW,
    stored: { revision: 1 } as OidcProvider["stored"],
  };
  discovery: unknown = { issuer: ISSUER, jwks_uri: "https://keys.example.com/set" };
  keys: unknown;
  isAway = false;
  millis = 0;
  readonly fetched: string[] = [];
  readonly verifier = new IdentityTokenVerifier(
    new ProviderKeys({ fetch: (url, trust) => this.#fetch(url, trust), now: () => this.millis }),
  );

  readonly #fetch: FetchDocument = async (url) => {
    this.fetched.push(url.href);
    if (this.isAway) throw new FetchError("away");
    return url.href === discoveryUrl(ISSUER).href ? this.discovery : this.keys;
  };

  verify(token: string): Promise<FederatedPrincipal> {
    return this.verifier.verify(token, { provider: this.provider, now: NOW });
  }

  /** The code and message that a token is refused with. */
  async refusal(token: string): Promise<{ readonly code: string; readonly message: string }> {
    try {
      await this.verify(token);
      return { code: "none", message: "" };
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
      return error;
    }
  }
}

async function newKey(alg: string, kid: string): Promise<GenerateKeyPairResult & { readonly jwk: JWK }> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...pair, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" } };
}

const CLAIMS: JWTPayload = { iss: ISSUER, aud: "kms", sub: "repo:cinnabar", iat: SECONDS - 10, exp: SECONDS + 300 };

function sign(key: GenerateKeyPairResult, claims: JWTPayload = CLAIMS, header = { alg: "ES256", kid: "one" }) {
  return new SignJWT(claims).setProtectedHeader(header).sign(key.privateKey);
}

test("a token of a registered provider proves who holds it", async () => {
  for (const alg of ["RS256", "PS384", "ES256", "ES512", "Ed25519"]) {
    const idp = new Idp();
    const key = await newKey(alg, "one");
    idp.keys = { keys: [key.jwk] };
    const token = await sign(key, { ...CLAIMS, aud: ["elsewhere", "another"] }, { alg, kid: "one" });
    const { identity, arn, subject, accountId } = await idp.verify(token);
    assert.equal(arn, `acs:ram::${idp.provider.accountId}:oidc-provider/ci`);
    assert.deepEqual([subject, accountId], ["repo:cinnabar", idp.provider.accountId]);
    assert.deepEqual(identity, {
      providerId: idp.provider.id,
      providerName: "ci",
      issuer: ISSUER,
      audience: ["elsewhere", "another"],
      issuedAt: NOW - 10_000,
      expiresAt: NOW + 300_000,
    });
  }
});

test("a token for somebody else, of somebody else, or of another time is refused", async () => {
  const idp = new Idp();
  const key = await newKey("ES256", "one");
  idp.keys = { keys: [key.jwk] };
  const refused: readonly (readonly [code: string, change: JWTPayload])[] = [
    [INVALID, { aud: "elsewhere" }],
    [INVALID, { aud: [] }],
    [INVALID, { iss: `${ISSUER}/` }],
    [INVALID, { iss: "https://idp.example.com" }],
    [INVALID, { nbf: SECONDS + 120 }],
    [INVALID, { sub: "" }],
    [INVALID, { sub: "x".repeat(256) }],
    [INVALID, { sub: "repo:a\nrepo:b" }],
    [INVALID, { sub: "a\u0000" }],
    [INVALID, { sub: "a\u2028b" }],
    [INVALID, { sub: "a\ud800" }],
    [INVALID, { aud: ["kms", "a\nb"] }],
    [INVALID, { iat: SECONDS + 61 }],
    [INVALID, { iat: SECONDS - 0.5 }],
    [INVALID, { iat: -1 }],
    [INVALID, { exp: 1e300 }],
    [INVALID, { exp: 253_402_300_800 }],
    [EXPIRED, { exp: SECONDS - 61 }],
  ];
  for (const [code, change] of refused) {
    const token = await sign(key, { ...CLAIMS, ...change });
    assert.equal((await idp.refusal(token)).code, code, JSON.stringify(change));
  }
  for (const name of ["aud", "iss", "sub", "iat", "exp"] as const) {
    const { [name]: _, ...rest } = CLAIMS;
    assert.equal((await idp.refusal(await sign(key, rest))).code, INVALID, name);
  }
  // Clocks differ a little.
  await idp.verify(await sign(key, { ...CLAIMS, iat: SECONDS + 60, exp: SECONDS - 30 }));
});

test("a token whose claims are not of their types is refused", async () => {
  const idp = new Idp();
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  idp.keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one" }] };
  const signText = (payload: string): string => {
    const encode = (text: string) => Buffer.from(text).toString("base64url");
    const signed = `${encode('{"alg":"ES256","kid":"one"}')}.${encode(payload)}`;
    const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
    return `${signed}.${createSign("sha256").update(signed).sign(key, "base64url")}`;
  };
  const claims = (changed: string) =>
    `{"iss":"${ISSUER}","aud":"kms","sub":"a","iat":${SECONDS},"exp":${SECONDS + 60},${changed}}`;
  await idp.verify(signText(claims('"more":1')));
  const wrong = ['"exp":1e400', '"iat":1e300', '"iat":null', '"exp":"9"', '"aud":["kms",5,{}]', '"sub":{}', '"sub":7'];
  for (const changed of wrong) assert.equal((await idp.refusal(signText(claims(changed)))).code, INVALID, changed);
});

test("a key that signatures cannot be checked with spoils nothing, and no token names it", async () => {
  const idp = new Idp();
  const good = await newKey("RS256", "good");
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const other = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const spoilt: readonly object[] = [
    { ...weak.publicKey.export({ format: "jwk" }), kid: "weak" },
    { ...other.publicKey.export({ format: "jwk" }), kid: "curve" },
    { kty: "RSA", kid: "short", n: "AA", e: "AQAB" },
    { kty: "RSA", kid: "empty" },
    { kty: "RSA", kid: "types", n: 5, e: {} },
    { kty: "oct", kid: "secret", k: "AAAA" },
    { kty: "none", kid: "none" },
    { ...good.jwk, kid: "operations", key_ops: ["verify", "sign"] },
    { ...good.jwk, kid: "private", d: "AAAA" },
  ];
  idp.keys = { keys: [...spoilt, good.jwk] };
  await idp.verify(await sign(good, CLAIMS, { alg: "RS256", kid: "good" }));
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const { kid } of spoilt as readonly { readonly kid: string }[]) {
    for (const alg of ["RS256", "ES256", "Ed25519"]) {
      const token = `${encode({ alg, kid })}.${encode(CLAIMS)}.${Buffer.alloc(128, 1).toString("base64url")}`;
      assert.equal((await idp.refusal(token)).code, INVALID, `${kid} ${alg}`);
    }
  }
  const byWeak = encode({ alg: "RS256", kid: "weak" }) + "." + encode(CLAIMS);
  const signature = createSign("sha256").update(byWeak).sign(weak.privateKey, "base64url");
  assert.equal((await idp.refusal(`${byWeak}.${signature}`)).code, INVALID);
  // Nor does it leave open which key is meant.
  const nameless = new Idp();
  const { kid: _, ...jwk } = good.jwk;
  nameless.keys = { keys: [weak.publicKey.export({ format: "jwk" }), jwk] };
  await nameless.verify(await new SignJWT(CLAIMS).setProtectedHeader({ alg: "RS256" }).sign(good.privateKey));
});

test("a token that is not signed by a key of the provider is refused, and no message repeats it", async () => {
  const idp = new Idp();
  const key = await newKey("RS256", "one");
  idp.keys = { keys: [key.jwk] };
  const [header = "", payload = "", signature = ""] = (await sign(key, CLAIMS, { alg: "RS256", kid: "one" })).split(
    ".",
  );
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const macHeader = encode({ alg: "HS256", kid: "one" });
  const mac = createHmac("sha256", JSON.stringify(key.jwk)).update(`${macHeader}.${payload}`).digest("base64url");
  const tokens = [
    await sign(await newKey("RS256", "one"), CLAIMS, { alg: "RS256", kid: "one" }),
    `${encode({ alg: "none" })}.${payload}.`,
    `${macHeader}.${payload}.${mac}`,
    `${header}.${encode({ ...CLAIMS, sub: "somebody" })}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    "not a token",
    `${encode({ alg: "RS256", kid: "one", crit: ["exp"], exp: 1 })}.${payload}.${signature}`,
    `${header}.${payload}.${signature}.x.y`,
  ];
  for (const token of tokens) {
    const { code, message } = await idp.refusal(token);
    assert.equal(code, INVALID, token);
    assert.ok(!message.includes(payload.slice(0, 20)) && !message.includes("cinnabar"), message);
  }
  for (let at = 0; at < signature.length; at += 7) {
    const altered = `${signature.slice(0, at)}${signature[at] === "A" ? "B" : "A"}${signature.slice(at + 1)}`;
    assert.equal((await idp.refusal(`${header}.${payload}.${altered}`)).code, INVALID);
  }
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => (await idp.refusal(text)).code === INVALID),
    { numRuns: 200 },
  );
});

test("keys are fetched once for all who wait, used for ten minutes, and fetched anew for a key that is new", async () => {
  const idp = new Idp();
  const [first, second] = [await newKey("ES256", "one"), await newKey("ES256", "two")];
  idp.keys = { keys: [first.jwk] };
  const token = await sign(first);
  const later = await sign(second, CLAIMS, { alg: "ES256", kid: "two" });
  await Promise.all(Array.from({ length: 20 }, () => idp.verify(token)));
  assert.deepEqual(idp.fetched, [discoveryUrl(ISSUER).href, "https://keys.example.com/set"]);
  // Whoever invents keys makes nobody fetch.
  for (let i = 0; i < 5; i++) assert.equal((await idp.refusal(later)).code, INVALID);
  assert.equal(idp.fetched.length, 2);

  idp.keys = { keys: [second.jwk] };
  idp.millis += MINUTE_MILLIS;
  await idp.verify(later);
  assert.equal(idp.fetched.length, 4);
  assert.equal((await idp.refusal(token)).code, INVALID, "the provider has withdrawn the first key");
  idp.keys = { keys: [first.jwk] };
  idp.millis += 10 * MINUTE_MILLIS;
  await idp.verify(token);
  assert.equal((await idp.refusal(later)).code, INVALID);
});

test("a provider that is away, or is not what it says, is asked again only after a while", async () => {
  const idp = new Idp();
  const key = await newKey("ES256", "one");
  idp.keys = { keys: [key.jwk] };
  const token = await sign(key);
  const { discovery, keys } = idp;
  const broken: readonly (() => void)[] = [
    () => (idp.isAway = true),
    () => (idp.discovery = { issuer: "https://elsewhere.example.com", jwks_uri: "https://keys.example.com/set" }),
    () => (idp.discovery = { issuer: ISSUER, jwks_uri: "http://keys.example.com/set" }),
    () => (idp.discovery = "none"),
    () => (idp.keys = { keys: "none" }),
    () => (idp.keys = { keys: Array.from({ length: 101 }, () => key.jwk) }),
  ];
  for (const breakIt of broken) {
    breakIt();
    const before = idp.fetched.length;
    assert.equal((await idp.refusal(token)).code, "ServiceUnavailableTemporary", String(breakIt));
    const asked = idp.fetched.length;
    assert.ok(asked > before);
    assert.equal((await idp.refusal(token)).code, "ServiceUnavailableTemporary");
    assert.equal(idp.fetched.length, asked);
    Object.assign(idp, { isAway: false, discovery, keys });
    idp.millis += MINUTE_MILLIS;
  }
  await idp.verify(token);
});

test("keys that are there outlast a provider that is away, until their time is over", async () => {
  const idp = new Idp();
  const [first, second] = [await newKey("ES256", "one"), await newKey("ES256", "two")];
  idp.keys = { keys: [first.jwk] };
  const token = await sign(first);
  const later = await sign(second, CLAIMS, { alg: "ES256", kid: "two" });
  await idp.verify(token);
  idp.isAway = true;
  for (let minute = 1; minute < 10; minute++) {
    idp.millis = minute * MINUTE_MILLIS;
    // A key that is not among them has the provider asked, in vain and once.
    const before = idp.fetched.length;
    for (let i = 0; i < 3; i++) assert.equal((await idp.refusal(later)).code, "ServiceUnavailableTemporary");
    assert.equal(idp.fetched.length, before + 1);
    await idp.verify(token);
  }
  idp.millis = 10 * MINUTE_MILLIS;
  assert.equal((await idp.refusal(token)).code, "ServiceUnavailableTemporary");
  idp.isAway = false;
  idp.keys = { keys: [first.jwk, second.jwk] };
  idp.millis += MINUTE_MILLIS;
  await idp.verify(token);
  await idp.verify(later);
});

test("why a provider's keys cannot be had is one error for all who hear of it, until it is asked again", async () => {
  const idp = new Idp();
  const token = await sign(await newKey("ES256", "one"));
  idp.isAway = true;
  const cause = () =>
    idp.verify(token).then(
      () => undefined,
      (error: unknown) => (error instanceof ApiError ? error.cause : undefined),
    );
  const [first, second] = await Promise.all([cause(), cause()]);
  assert.ok(first instanceof FetchError);
  assert.equal(second, first);
  assert.equal(await cause(), first);
  idp.millis += MINUTE_MILLIS;
  assert.notEqual(await cause(), first);
});

test("what could not be made is tried again, and what is made is made once", async () => {
  const outcomes = [() => Promise.reject(new Error("the disk is full")), () => Promise.resolve("made")];
  let tries = 0;
  const made = madeOnce(() => outcomes[tries++]?.() ?? Promise.reject(new Error("made twice")));
  await assert.rejects(Promise.all([made(), made()]), /disk/);
  assert.equal(tries, 1);
  assert.deepEqual(await Promise.all([made(), made()]), ["made", "made"]);
  assert.equal(await made(), "made");
});

test("addresses of this machine and this link are told from others, in every spelling", () => {
  const local = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "100.100.100.200", "::1", "::", "fe80::1"];
  const embedded = [
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:FF9B:0:0:0:0:6464:64c8",
    "64:ff9b:1::169.254.169.254",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
  ];
  const clouds = ["fd00:ec2::254", "168.63.129.16", "192.0.0.192", "::ffff:168.63.129.16"];
  const own = ["10.1.2.3", "2001:db8::9", "fe80::9%eth0"];
  const ofOwn = [...own, "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::", "2001:db8:0:0::9", "fe80::7%eth1"];
  for (const address of [...local, ...embedded, ...clouds, ...ofOwn]) {
    assert.equal(isLocalAddress(address, own), true, address);
  }
  const elsewhere = ["10.0.0.1", "192.168.1.1", "93.184.216.34", "192.0.0.191", "2001:db8::1", "fd12::1"];
  for (const address of [
    ...elsewhere,
    "::ffff:10.0.0.1",
    "64:ff9b::808:808",
    "2002:808:808::7f00:1",
    "64:ff9a::7f00:1",
  ]) {
    assert.equal(isLocalAddress(address, own), false, address);
  }
  for (const { address } of Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])) {
    assert.equal(isLocalAddress(address), true, address);
  }
});
