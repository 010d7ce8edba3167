import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import {
  encodePkcs12,
  KeyFormatError,
  parsePrivateKey,
  parsePublicKey,
  selfSignedCertificate,
  Sm2PrivateKey,
} from "@cinnabar/crypto";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { fixedRsaKey } from "./fixed-rsa-key.ts";

/** What is tried stands in the first byte: a file to be read, or a password and a name to write one with. */
const KINDS = { file: "f", words: "w" } as const;
const SEPARATOR = "\n";
/** The one between password and name is none of either. */
const PASSWORD = /^[ -~]{1,64}$/;
const NAME = /^[^\0\n\ufffd]{1,64}$/;
const FROM = Date.UTC(2026, 10, 22);
const UNTIL = Date.UTC(2031, 10, 22);
const WORDS = ["Passw0rd~!@#", "KAAP.5c438b18-05be-40ad-b6c2-3be6752c3d8f"] as const;

/** Readers that somebody may give a file to by mistake: nothing of ours reads PKCS #12, it is only written for clients. */
const READERS: readonly ((der: Uint8Array) => unknown)[] = [
  ...(["RSA_2048", "EC_P256", "EC_P521", "ED25519", "ML_DSA_65"] as const).flatMap((spec) => [
    (der: Uint8Array) => parsePrivateKey(spec, der),
    (der: Uint8Array) => parsePublicKey(spec, der),
  ]),
  (der) => Sm2PrivateKey.fromPkcs8(der),
];

/** Files of client keys: OpenSSL reads whatever we write, with its password alone, and we read no file as a key. */
export const pkcs12Target: TargetDeclaration = {
  name: "pkcs12",
  what: "files of client keys, given to readers of keys, and passwords and names that files are written with",
  group: "process",
  weight: 2,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const [password, name] = WORDS;
  const file = Buffer.concat([Buffer.from(KINDS.file), write(password, name)]);
  const words = Buffer.from(`${KINDS.words}${WORDS.join(SEPARATOR)}`);
  return {
    // To write one takes far longer than to refuse one.
    seeds: [file, file, file, words],
    fixedBytes: () => 1,
    attempt: (input) =>
      String.fromCharCode(input[0] ?? 0) === KINDS.words
        ? writeAndRead(input.subarray(1))
        : readAsKey(input.subarray(1)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function readAsKey(file: Uint8Array): string {
  for (const read of READERS) {
    try {
      read(file);
    } catch (error) {
      refusal(error, KeyFormatError);
      continue;
    }
    throw new Violation("a file of a client key is read as a key");
  }
  return "read as no key";
}

function writeAndRead(input: Uint8Array): string {
  const text = Buffer.from(input).toString();
  const [password = "", name = ""] = text.split(SEPARATOR, 2);
  // Operations take no others.
  if (!PASSWORD.test(password) || !NAME.test(name)) return "refused: no password, or no name";
  const file = write(password, name);
  createSecureContext({ pfx: file, passphrase: password });
  try {
    createSecureContext({ pfx: file, passphrase: `${password}.` });
  } catch {
    return "read by OpenSSL";
  }
  throw new Violation("a file opens with another password");
}

function write(password: string, commonName: string): Buffer {
  const certificate = selfSignedCertificate({
    privateKey: fixedRsaKey,
    commonName,
    serial: Buffer.from("7fff", "hex"),
    validity: { from: FROM, until: UNTIL },
  });
  const { subject } = new X509Certificate(certificate).toLegacyObject();
  if (subject.CN !== commonName) throw new Violation(`a certificate of ${commonName} is one of somebody else`);
  return encodePkcs12({ certificate, privateKey: fixedRsaKey, password });
}
