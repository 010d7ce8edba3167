import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { before, suite, test } from "node:test";
import { promisify } from "node:util";
import { skipWithout } from "@cinnabar/testkit";
import { encodePkcs12, generateKeyPair, selfSignedCertificate } from "../src/index.ts";

const PASSWORD = "Passw0rd~!@#";
const FROM = Date.parse("2026-11-22T11:30:00Z");

suite("client certificates and PKCS #12", () => {
  let privateKey: Buffer;

  before(() => {
    ({ privateKey } = generateKeyPair("RSA_2048"));
  });

  function certify(until: string): Buffer {
    const validity = { from: FROM, until: Date.parse(until) };
    return selfSignedCertificate({ privateKey, commonName: "KAAP.1", serial: Buffer.from("7fff", "hex"), validity });
  }

  test("a certificate carries the key, is signed by it, and is valid when it says", () => {
    for (const until of ["2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z"]) {
      const certificate = new X509Certificate(certify(until));
      assert(certificate.verify(certificate.publicKey));
      assert(certificate.checkPrivateKey(createPrivateKey({ key: privateKey, format: "der", type: "pkcs8" })));
      assert.deepEqual([certificate.subject, certificate.issuer], ["CN=KAAP.1", "CN=KAAP.1"]);
      assert.equal(certificate.validFromDate.getTime(), FROM);
      assert.equal(certificate.validToDate.getTime(), Date.parse(until));
      assert.equal(certificate.serialNumber, "7FFF");
    }
  });

  test("openssl reads a file, in the form that every client reads", { skip: skipWithout("openssl") }, async () => {
    const certificate = certify("2031-01-01T00:00:00Z");
    const file = encodePkcs12({ certificate, privateKey, password: PASSWORD });
    const { stdout, stderr } = await openssl(file, ["-nodes", "-info"]);
    assert.match(stderr, /MAC: sha1, Iteration 2048/);
    assert.equal(stderr.match(/pbeWithSHA1And3-KeyTripleDES-CBC/g)?.length, 2);
    // Go's decoder takes the first for the certificate, and the second for the key.
    const [first, second] = [stdout.indexOf("BEGIN CERTIFICATE"), stdout.indexOf("BEGIN PRIVATE KEY")];
    assert(first > 0 && second > first);
    assert.deepEqual(createPrivateKey(stdout).export({ format: "der", type: "pkcs8" }), privateKey);
    assert.deepEqual(new X509Certificate(stdout).raw, certificate);
    await assert.rejects(openssl(file, ["-nodes"], "another"));
  });
});

function openssl(file: Uint8Array, more: readonly string[], password = PASSWORD) {
  const running = promisify(execFile)("openssl", ["pkcs12", "-legacy", "-passin", `pass:${password}`, ...more]);
  running.child.stdin?.end(file);
  return running;
}
