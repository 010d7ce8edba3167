import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { before, suite, test } from "node:test";
import { promisify } from "node:util";
import { skipWithout } from "@cinnabar/testkit";
import fc from "fast-check";
import { encodePkcs12, generateKeyPair, KeyFormatError, selfSignedCertificate } from "../src/index.ts";
import { type DerElement, derElement, DerReader, encodeDer } from "../src/der.ts";

const PASSWORD = "Passw0rd~!@#";
/** What operations take. */
const PASSWORDS = fc.string({ unit: fc.constantFrom(...ascii(" ", "~")), minLength: 1, maxLength: 64 });
const NAMES = fc.string({ unit: "grapheme", minLength: 1, maxLength: 16 });
const CONSTRUCTED = 0x20;
const FROM = Date.parse("2026-11-22T11:30:00Z");

suite("client certificates and PKCS #12", () => {
  let privateKey: Buffer;

  before(() => {
    ({ privateKey } = generateKeyPair("RSA_2048"));
  });

  function certify(until: string, commonName = "KAAP.1"): Buffer {
    const validity = { from: FROM, until: Date.parse(until) };
    return selfSignedCertificate({ privateKey, commonName, serial: Buffer.from("7fff", "hex"), validity });
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

  test("openssl reads a file of any password and name", { skip: skipWithout("openssl") }, async () => {
    await fc.assert(
      fc.asyncProperty(PASSWORDS, NAMES, async (password, name) => {
        const certificate = certify("2031-01-01T00:00:00Z", name);
        const { stdout } = await openssl(encodePkcs12({ certificate, privateKey, password }), ["-nodes"], password);
        assert.deepEqual(createPrivateKey(stdout).export({ format: "der", type: "pkcs8" }), privateKey);
        const read = new X509Certificate(stdout);
        assert.deepEqual([read.raw, read.toLegacyObject().subject.CN], [certificate, name]);
      }),
      { numRuns: 5 },
    );
  });

  test("the DER of a file is walked to its end, and of an altered one to where it is no DER any more", () => {
    const file = encodePkcs12({ certificate: certify("2031-01-01T00:00:00Z"), privateKey, password: PASSWORD });
    assert.deepEqual(encodeDer(walk(file)), file);
    const seen = { walked: 0, refused: 0 };
    const alteration = fc.record({
      at: fc.nat(file.length - 1),
      removed: fc.nat(4),
      put: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(alteration, { minLength: 1, maxLength: 3 }), (alterations) => {
        const altered = alterations.reduce(
          (bytes, { at, removed, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]),
          file,
        );
        try {
          // There is one encoding of what was read.
          assert.deepEqual(encodeDer(walk(altered)), altered);
          seen.walked++;
        } catch (error) {
          assert(error instanceof KeyFormatError, String(error));
          seen.refused++;
        }
      }),
      { numRuns: 2_000 },
    );
    assert(seen.walked > 0 && seen.refused > 0, JSON.stringify(seen));
  });
});

function openssl(file: Uint8Array, more: readonly string[], password = PASSWORD) {
  const running = promisify(execFile)("openssl", ["pkcs12", "-legacy", "-passin", `pass:${password}`, ...more]);
  running.child.stdin?.end(file);
  return running;
}

function ascii(first: string, last: string): string[] {
  const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
  return Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i));
}

/** Reads one element with all that is in it, and nothing behind it. */
function walk(bytes: Uint8Array): DerElement {
  return DerReader.only(bytes, (reader) => walkNext(reader, bytes));
}

/** @param bytes - what the reader has left. */
function walkNext(reader: DerReader, bytes: Uint8Array): DerElement {
  const tag = bytes[0] ?? 0;
  const contents = reader.read(tag);
  if ((tag & CONSTRUCTED) === 0) return derElement(tag, contents);
  const elements: DerElement[] = [];
  const inner = new DerReader(contents);
  for (let rest = contents; rest.length > 0;) {
    const element = walkNext(inner, rest);
    elements.push(element);
    rest = rest.subarray(encodeDer(element).length);
  }
  inner.end();
  return derElement(tag, ...elements);
}
