import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";

import { issueCaCertificate, issueServerCertificate } from "../src/tls/certificate.ts";
import { loadGivenCertificate, rootOfTrust } from "../src/tls/index.ts";
import { saying } from "./support/saying.ts";

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;

async function files() {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-cert-"));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = issueServerCertificate(
    { commonName: "Somebody's CA", privateKey: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey },
    {
      publicKey: createPublicKey(privateKey),
      names: ["kms.example.com"],
      validity: { from: NOW - HOUR, until: NOW + HOUR },
    },
  );
  const certFile = join(directory, "cert.pem");
  const keyFile = join(directory, "key.pem");
  await writeFile(certFile, new X509Certificate(der).toString());
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  const load = (options: { certFile?: string; keyFile?: string; now?: number } = {}) =>
    loadGivenCertificate({ certFile, keyFile, now: NOW, ...options });
  return {
    certFile,
    keyFile,
    privateKey,
    load,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

test("takes a certificate and its key", async () => {
  await using given = await files();
  const { cert, key, validUntil } = await given.load();
  assert(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)));
  assert.equal(validUntil, NOW + HOUR);
});

test("refuses a certificate and a key that do not belong together", async () => {
  await using given = await files();
  await using other = await files();
  await assert.rejects(
    given.load({ keyFile: other.keyFile }),
    saying(given.certFile, other.keyFile, "do not belong together"),
  );
});

test("refuses a certificate outside its time", async () => {
  await using given = await files();
  await assert.rejects(given.load({ now: NOW + HOUR }), saying(given.certFile, "expired on Jan  1 01:00:00 2030 GMT"));
  await assert.rejects(
    given.load({ now: NOW - 2 * HOUR }),
    saying(given.certFile, "is valid only from Dec 31 23:00:00 2029 GMT"),
  );
});

test("refuses files that are missing, something else, each other, or encrypted", async () => {
  await using given = await files();
  await assert.rejects(
    given.load({ certFile: "/no/such.pem" }),
    saying("The TLS certificate /no/such.pem", "no such file"),
  );
  await assert.rejects(given.load({ keyFile: "/no/such.pem" }), saying("The TLS key /no/such.pem", "no such file"));
  await assert.rejects(given.load({ certFile: given.keyFile }), saying(`${given.keyFile} is not a certificate`));
  await assert.rejects(given.load({ keyFile: given.certFile }), saying(`${given.certFile} is not a private key`));
  const passphrase = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" } as const;
  await writeFile(given.keyFile, given.privateKey.export(passphrase));
  await assert.rejects(given.load(), saying("is encrypted: give it without a passphrase"));
});

test("refuses what OpenSSL would refuse at the first handshake: DER, and keys too short to be safe", async () => {
  await using given = await files();
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 512 });
  const issuer = { commonName: "Somebody's CA", privateKey: given.privateKey };
  const validity = { from: NOW - HOUR, until: NOW + HOUR };
  const weak = new X509Certificate(issueServerCertificate(issuer, { publicKey, names: ["a"], validity }));
  await writeFile(given.certFile, weak.toString());
  await writeFile(given.keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  await assert.rejects(given.load(), saying(given.certFile, "cannot be used", "key too small"));
  await writeFile(given.certFile, weak.raw);
  await assert.rejects(given.load(), saying(given.certFile, "cannot be used"));
});

test("tells whether a client knows the CA of a certificate, or finds it in the same file", async () => {
  await using given = await files();
  const { cert } = await given.load();
  assert.equal(rootOfTrust(cert), "elsewhere");
  const ca = { commonName: "Somebody's CA", privateKey: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey };
  const root = new X509Certificate(issueCaCertificate(ca, { from: NOW - HOUR, until: NOW + HOUR }));
  assert.equal(rootOfTrust(Buffer.from(`${cert.toString()}${root.toString()}`)), "in-chain");
  assert.equal(rootOfTrust(Buffer.from(rootCertificates[0] ?? "")), "in-chain");
});
