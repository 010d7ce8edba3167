import { createHash, createHmac, randomBytes } from "node:crypto";
import {
  generateKeyPair,
  IMPORT_WRAPPINGS,
  type ImportWrapping,
  type KeyPairBytes,
  type KeyPairSpec,
  parsePrivateKey,
  Sm2PrivateKey,
  unwrapForImport,
} from "@cinnabar/crypto";
import type { RpcRequest } from "@cinnabar/rpc";

/** The specs of keys that wait for their material, by the names that they have here. */
const SPECS: Readonly<Record<string, string>> = {
  "alias/aes": "Aliyun_AES_256",
  "alias/mac": "HMAC_SHA_512",
  "alias/p256": "EC_P256",
  "alias/rsa": "RSA_2048",
  "alias/sm2": "EC_SM2",
  "alias/liar": "Aliyun_AES_256",
  "alias/silent": "Aliyun_AES_256",
  "alias/odd": "Odd_Spec",
};

interface Issued {
  readonly wrapping: ImportWrapping;
  readonly pair: KeyPairBytes;
}

/** Imports key material as a service does that keeps none: it remembers what arrived. */
export class StubImport {
  readonly imported: { readonly name: string; readonly material: Buffer; readonly expires: string }[] = [];
  readonly #issued = new Map<string, Issued>();

  /** What DescribeKey tells of the key. */
  static describe(name: string): Record<string, string> {
    const KeySpec = SPECS[name];
    return KeySpec === undefined ? {} : { KeySpec, Origin: "EXTERNAL" };
  }

  parameters({ parameters }: RpcRequest): Record<string, string> {
    const wrapping = toWrapping(parameters.get("WrappingAlgorithm") ?? "");
    const { wrappingKeySpec } = IMPORT_WRAPPINGS[wrapping];
    if (parameters.get("WrappingKeySpec") !== wrappingKeySpec) throw new Error("the wrapping key has another spec");
    const pair = generateKeyPair(wrappingKeySpec);
    const token = randomBytes(20).toString("base64");
    this.#issued.set(token, { wrapping, pair });
    return { PublicKey: pair.publicKey.toString("base64"), ImportToken: token };
  }

  import({ parameters }: RpcRequest): Record<string, string> {
    const name = parameters.get("KeyId") ?? "";
    const token = parameters.get("ImportToken") ?? "";
    const issued = this.#issued.get(token);
    if (issued === undefined) throw new Error("the token was not issued");
    const material = unwrapForImport({
      wrapping: issued.wrapping,
      wrappingKey: issued.pair.privateKey,
      wrapped: Buffer.from(parameters.get("EncryptedKeyMaterial") ?? "", "base64"),
      materialBytes: name === "alias/mac" ? 64 : 32,
    });
    const isTried = parameters.get("DryRun") === "true";
    if (!isTried) this.imported.push({ name, material, expires: parameters.get("KeyMaterialExpireUnix") ?? "" });
    if (name === "alias/silent") return {};
    return { KeyMaterialFingerprint: name === "alias/liar" ? "0".repeat(64) : fingerprint(name, token, material) };
  }
}

function fingerprint(name: string, token: string, material: Buffer): string {
  const spki = publicKeyOf(name, material);
  if (spki !== undefined) return createHash("sha256").update(spki).digest("hex");
  return createHmac("sha256", Buffer.from(token, "base64")).update(material).digest("hex");
}

const PAIRS: Readonly<Record<string, KeyPairSpec>> = { "alias/p256": "EC_P256", "alias/rsa": "RSA_2048" };

function publicKeyOf(name: string, material: Buffer): Buffer | undefined {
  if (name === "alias/sm2") return Sm2PrivateKey.fromScalar(material).publicKey.toSpki();
  const spec = PAIRS[name];
  return spec && parsePrivateKey(spec, material).publicKey;
}

function toWrapping(name: string): ImportWrapping {
  const found = Object.entries({ ...IMPORT_WRAPPINGS }).find(([known]) => known === name);
  if (found === undefined) throw new Error(`there is no wrapping ${name}`);
  return name as ImportWrapping;
}
