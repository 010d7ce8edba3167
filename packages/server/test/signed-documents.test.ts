import assert from "node:assert/strict";
import { createHash, createPublicKey } from "node:crypto";
import { after, before, test } from "node:test";
import { forEachDatabase, skipWithout } from "@cinnabar/testkit";
import * as asn1js from "asn1js";
import { importSPKI, jwtVerify } from "jose";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  Extension,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
} from "pkijs";
import { OpenSsl } from "./support/openssl.ts";
import { TwoAccounts } from "./support/two-accounts.ts";

/* Documents that others make of a key's signatures: tokens and certificates. */

interface NamedVersion {
  readonly KeyId: string;
  readonly KeyVersionId: string;
}

const withoutOpenssl = skipWithout("openssl");

let world: TwoAccounts;
let openssl: OpenSsl;
async function createPair(KeySpec: string): Promise<NamedVersion & { readonly pem: string }> {
  const wanted = { KeySpec, KeyUsage: "SIGN/VERIFY" };
  const created = await world.one.call<{ KeyMetadata: NamedVersion }>("CreateKey", wanted);
  const { KeyId } = created.KeyMetadata;
  const listed = await world.one.call<{ KeyVersions: { KeyVersion: NamedVersion[] } }>("ListKeyVersions", { KeyId });
  const { KeyVersionId = "" } = listed.KeyVersions.KeyVersion[0] ?? {};
  const { PublicKey: pem } = await world.one.call<{ PublicKey: string }>("GetPublicKey", { KeyId, KeyVersionId });
  return { KeyId, KeyVersionId, pem };
}

/** Has the service sign a digest, or a message where the algorithm signs messages. */
async function sign(
  { KeyId, KeyVersionId }: NamedVersion,
  Algorithm: string,
  input: { readonly Digest: Buffer } | { readonly Message: Buffer },
): Promise<Buffer> {
  const what =
    "Digest" in input
      ? { Digest: input.Digest.toString("base64") }
      : { MessageType: "RAW", Message: input.Message.toString("base64") };
  const { Value } = await world.one.call<{ Value: string }>("AsymmetricSign", {
    KeyId,
    KeyVersionId,
    Algorithm,
    ...what,
  });
  return Buffer.from(Value, "base64");
}

forEachDatabase((database) => {
  // The cryptography is the same on any database.
  if (database.name !== "sqlite") return;

  before(async () => {
    world = await TwoAccounts.start(database);
    openssl = await OpenSsl.open();
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    await openssl[Symbol.asyncDispose]();
  });

  for (const [spec, algorithm, alg] of [
    ["EC_P256", "ECDSA_SHA_256", "ES256"],
    ["EC_P384", "ECDSA_SHA_384", "ES384"],
    ["RSA_2048", "RSA_PKCS1_SHA_256", "RS256"],
    ["RSA_2048", "RSA_PSS_SHA_256", "PS256"],
    ["ED25519", "ED25519", "EdDSA"],
  ] as const) {
    test(`jose verifies a JWT by ${alg} that a key of ${spec} signs`, async () => {
      const pair = await createPair(spec);
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
      const signed = `${encode({ alg, typ: "JWT" })}.${encode({ sub: "somebody", aud: "a service" })}`;
      const message = Buffer.from(signed);
      const hash = alg === "ES384" ? "sha384" : "sha256";
      const input = alg === "EdDSA" ? { Message: message } : { Digest: createHash(hash).update(message).digest() };
      const signature = await sign(pair, algorithm, input);
      const compact = alg.startsWith("ES") ? toConcatenated(signature, alg === "ES384" ? 48 : 32) : signature;
      const key = await importSPKI(pair.pem, alg);
      const { payload } = await jwtVerify(`${signed}.${compact.toString("base64url")}`, key, { audience: "a service" });
      assert.equal(payload.sub, "somebody");
      const other = await importSPKI((await createPair(spec)).pem, alg);
      await assert.rejects(jwtVerify(`${signed}.${compact.toString("base64url")}`, other), {
        code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
      });
    });
  }

  for (const [spec, algorithm, oid] of [
    ["EC_P256", "ECDSA_SHA_256", "1.2.840.10045.4.3.2"],
    ["RSA_2048", "RSA_PKCS1_SHA_256", "1.2.840.113549.1.1.11"],
  ] as const) {
    test(`openssl accepts a certificate that a key of ${spec} signs`, { skip: withoutOpenssl }, async () => {
      const issuer = await createPair(spec);
      const subject = await createPair("EC_P256");
      const ca = await issue({ issuer, algorithm, oid, name: "A root", pem: issuer.pem, isCa: true });
      const leaf = await issue({ issuer, algorithm, oid, name: "A service", pem: subject.pem, isCa: false });
      const files = { "ca.pem": toPem(ca), "leaf.pem": toPem(leaf) };
      assert.equal((await openssl.run("verify -CAfile ca.pem leaf.pem", files)).toString(), "leaf.pem: OK\n");

      leaf.writeUInt8(leaf.readUInt8(leaf.length - 1) ^ 1, leaf.length - 1);
      await assert.rejects(openssl.run("verify -CAfile ca.pem leaf.pem", { "leaf.pem": toPem(leaf) }));
    });
  }
});

/** A certificate by the root, whose signature the service makes. */
async function issue(options: {
  readonly issuer: NamedVersion;
  readonly algorithm: string;
  readonly oid: string;
  readonly name: string;
  readonly pem: string;
  readonly isCa: boolean;
}): Promise<Buffer> {
  const signature = new AlgorithmIdentifier({ algorithmId: options.oid });
  const spki = createPublicKey(options.pem).export({ type: "spki", format: "der" });
  const constraints = new BasicConstraints({ cA: options.isCa }).toSchema().toBER();
  const certificate = new Certificate({
    version: 2,
    serialNumber: new asn1js.Integer({ value: options.isCa ? 1 : 2 }),
    signature,
    signatureAlgorithm: signature,
    issuer: named("A root"),
    subject: named(options.name),
    notBefore: new Time({ value: new Date(Date.now() - 60_000) }),
    notAfter: new Time({ value: new Date(Date.now() + 86_400_000) }),
    subjectPublicKeyInfo: PublicKeyInfo.fromBER(spki),
    extensions: [new Extension({ extnID: "2.5.29.19", critical: true, extnValue: constraints })],
  });
  const toBeSigned = Buffer.from(certificate.encodeTBS().toBER());
  const digest = createHash("sha256").update(toBeSigned).digest();
  certificate.tbsView = new Uint8Array(toBeSigned);
  const valueHex = await sign(options.issuer, options.algorithm, { Digest: digest });
  certificate.signatureValue = new asn1js.BitString({ valueHex });
  return Buffer.from(certificate.toSchema().toBER());
}

function named(commonName: string): RelativeDistinguishedNames {
  const value = new asn1js.Utf8String({ value: commonName });
  return new RelativeDistinguishedNames({ typesAndValues: [new AttributeTypeAndValue({ type: "2.5.4.3", value })] });
}

function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}

/** r ‖ s, as JOSE writes it (RFC 7518, section 3.4), of the DER that the service answers. */
function toConcatenated(der: Buffer, bytes: number): Buffer {
  const { result } = asn1js.fromBER(new Uint8Array(der));
  assert.ok(result instanceof asn1js.Sequence);
  const numbers = result.valueBlock.value.map((integer) => {
    assert.ok(integer instanceof asn1js.Integer);
    const hex = integer
      .toBigInt()
      .toString(16)
      .padStart(2 * bytes, "0");
    return Buffer.from(hex, "hex");
  });
  return Buffer.concat(numbers);
}
