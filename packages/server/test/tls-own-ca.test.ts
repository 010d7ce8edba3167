import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { skipWithout } from "@cinnabar/testkit";

import { ensureServerCertificate, isCertificateName, serverNames } from "../src/tls/index.ts";
import { saying } from "./support/saying.ts";

const run = promisify(execFile);
const DAY = 86_400_000;
const NAMES = serverNames({
  listenHost: "0.0.0.0",
  hostname: "box.example",
  more: ["kms.example.com", "2001:DB8:0::1"],
});

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), "cinnabar-tls-"));
  const ensure = (options: { names?: readonly string[]; now?: number } = {}) =>
    ensureServerCertificate({ directory: path, names: NAMES, now: Date.now(), ...options });
  return { path, ensure, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("makes a CA and a certificate that openssl verifies for each name", { skip: skipWithout("openssl") }, async () => {
  await using directory = await temporaryDirectory();
  const { caFile } = await directory.ensure();
  const server = join(directory.path, "server.pem");
  const verify = (...options: string[]) =>
    run("openssl", ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", caFile, ...options, server]);
  for (const name of ["localhost", "box.example", "kms.example.com"]) await verify("-verify_hostname", name);
  for (const address of ["127.0.0.1", "::1", "2001:db8::1"]) await verify("-verify_ip", address);
  await assert.rejects(verify("-verify_hostname", "other.example"));
  await assert.rejects(verify("-verify_ip", "0.0.0.0"));

  const { stdout: ca } = await run("openssl", ["x509", "-noout", "-text", "-in", caFile]);
  assert.match(ca, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
  assert.match(ca, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  assert.match(ca, /ASN1 OID: prime256v1/);
  const { stdout: text } = await run("openssl", ["x509", "-noout", "-text", "-in", server]);
  assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
  assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
  assert.match(text, /Extended Key Usage: *\s+TLS Web Server Authentication\n/);
  assert.match(text, /Version: 3 .*\n\s+Serial Number:\n\s+[4-7][0-9a-f](:[0-9a-f]{2}){15}\n/);
});

test("keeps the keys to their owner, and lets everybody read the certificates", async () => {
  await using directory = await temporaryDirectory();
  await directory.ensure();
  const modes = await Promise.all(
    (await readdir(directory.path)).toSorted().map(async (name) => {
      const { mode } = await stat(join(directory.path, name));
      return `${name} ${(mode & 0o777).toString(8)}`;
    }),
  );
  assert.deepEqual(modes, ["ca-key.pem 600", "ca.pem 644", "server-key.pem 600", "server.pem 644"]);
});

test("keeps a certificate for 795 of its 825 days, then makes another from the same CA", async () => {
  await using directory = await temporaryDirectory();
  const now = Date.UTC(2030, 0, 1);
  const first = await directory.ensure({ now });
  assert.equal(first.validUntil, now - 3_600_000 + 825 * DAY);
  const ca = await readFile(first.caFile, "utf8");
  const later = await directory.ensure({ now: now + 794 * DAY });
  assert.deepEqual(later, first);
  const renewed = await directory.ensure({ now: now + 796 * DAY });
  assert.notDeepEqual(renewed.key, first.key);
  assert.equal(await readFile(first.caFile, "utf8"), ca);
  const serials = [first, renewed].map(({ cert }) => new X509Certificate(cert).serialNumber);
  assert.notEqual(serials[0], serials[1]);
});

test("makes another certificate when its names change, in whatever order and spelling they come", async () => {
  await using directory = await temporaryDirectory();
  const first = await directory.ensure();
  const options = { listenHost: "::", hostname: "BOX.example", more: ["2001:db8:0:0:0::1", "KMS.example.com"] };
  assert.deepEqual(await directory.ensure({ names: serverNames(options) }), first);
  const names = serverNames({ ...options, more: [] });
  const renamed = await directory.ensure({ names });
  assert.notDeepEqual(renamed.cert, first.cert);
  assert.equal(new X509Certificate(renamed.cert).checkHost("kms.example.com"), undefined);
});

test("needs the CA's key only to sign", async () => {
  await using directory = await temporaryDirectory();
  const first = await directory.ensure();
  const keyFile = join(directory.path, "ca-key.pem");
  await rename(keyFile, `${keyFile}.away`);
  assert.deepEqual(await directory.ensure(), first);
  await assert.rejects(directory.ensure({ names: ["localhost"] }), saying(keyFile, "is not there to sign it"));
  await writeFile(keyFile, first.key);
  await assert.rejects(directory.ensure({ names: ["localhost"] }), saying(keyFile, "does not belong"));
  await writeFile(keyFile, "no key");
  await assert.rejects(directory.ensure({ names: ["localhost"] }), saying(keyFile, "does not belong"));
});

test("recovers from a crash between any two of its files", async () => {
  await using directory = await temporaryDirectory();
  await directory.ensure();
  const remove = (...names: string[]) => Promise.all(names.map((name) => rm(join(directory.path, name))));
  const caKey = await readFile(join(directory.path, "ca-key.pem"));

  await remove("ca.pem", "server.pem", "server-key.pem");
  const again = await directory.ensure();
  assert.deepEqual(await readFile(join(directory.path, "ca-key.pem")), caKey);

  await remove("server.pem");
  const another = await directory.ensure();
  assert.notDeepEqual(another.cert, again.cert);

  await writeFile(join(directory.path, "server-key.pem"), again.key);
  const { cert, key, caFile } = await directory.ensure();
  const certificate = new X509Certificate(cert);
  assert(certificate.checkPrivateKey(createPrivateKey(key)));
  assert(certificate.verify(new X509Certificate(await readFile(caFile)).publicKey));
});

test("refuses a damaged and an expired CA instead of making a new one that nobody trusts", async () => {
  await using directory = await temporaryDirectory();
  const now = Date.UTC(2030, 0, 1);
  const { caFile } = await directory.ensure({ now });
  const caEnds = new X509Certificate(await readFile(caFile)).validToDate.getTime();
  const last = await directory.ensure({ now: caEnds - 100 * DAY });
  assert.equal(last.validUntil, caEnds, "no certificate outlives its CA");
  await assert.rejects(directory.ensure({ now: caEnds }), saying("expired", "Remove ca.pem and ca-key.pem"));
  await writeFile(caFile, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  await assert.rejects(directory.ensure({ now }), saying(caFile, "is damaged"));
});

test("makes a certificate out to what this machine is called, and not to what means every address", () => {
  const base = ["127.0.0.1", "::1", "localhost"];
  const names = (listenHost: string, hostname = "localhost") => serverNames({ listenHost, hostname, more: [] });
  assert.deepEqual(names("0.0.0.0"), base);
  assert.deepEqual(names("::"), base);
  assert.deepEqual(names("127.0.0.1", "bad name"), base);
  assert.deepEqual(names("192.0.2.7", "Box"), ["127.0.0.1", "192.0.2.7", "::1", "box", "localhost"]);
});

test("knows what a certificate can be made out to", () => {
  for (const name of ["a", "a.b-c.example", "*.example.com", "my_host", "10.0.0.1", "::1"])
    assert(isCertificateName(name), name);
  for (const name of [
    "",
    "a b",
    "a..b",
    "-a",
    "a-",
    "*",
    "a.*.b",
    "fe80::1%eth0",
    "http://a",
    "a,b",
    "ä.example",
    `${"a".repeat(64)}.b`,
  ]) {
    assert(!isCertificateName(name), name);
  }
});
