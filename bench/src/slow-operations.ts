import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from "node:crypto";
import type { CinnabarClient } from "@cinnabar/client";
import { z } from "zod";
import type { Sample } from "./load.ts";
import type { BenchCall } from "./signed-requests.ts";

const MESSAGE_BYTES = 32;

/** An operation of the API with a key of its own, named as `bare-operations.ts` names the same without a server. */
export interface BenchOperation {
  readonly name: string;
  readonly action: string;
  /** Makes a call. */
  make(): BenchCall;
  /** @throws Error if the answer is wrong. */
  check(sample: Sample): Promise<void> | void;
}

const createKeyAnswer = z.object({ KeyMetadata: z.object({ KeyId: z.string() }) });
const versionsAnswer = z.object({
  KeyVersions: z.object({ KeyVersion: z.array(z.object({ KeyVersionId: z.string() })) }),
});
const publicKeyAnswer = z.object({ PublicKey: z.string() });
const signAnswer = z.object({ Value: z.string() });
const plaintextAnswer = z.object({ Plaintext: z.string() });
const ciphertextAnswer = z.object({ CiphertextBlob: z.string() });
const dataKeyAnswer = z.object({ Plaintext: z.string(), CiphertextBlob: z.string() });

/** Makes the operations and, through the API, their keys. */
export async function makeOperations(client: CinnabarClient): Promise<BenchOperation[]> {
  const rsa = await Pair.make(client, { KeySpec: "RSA_2048", KeyUsage: "SIGN/VERIFY" });
  const ec = await Pair.make(client, { KeySpec: "EC_P256", KeyUsage: "SIGN/VERIFY" });
  return [
    signing("sign-rsa-2048", { pair: rsa, algorithm: "RSA_PKCS1_SHA_256", isMessage: false }),
    await decrypting("decrypt-rsa-2048", client),
    signing("sign-p-256", { pair: ec, algorithm: "ECDSA_SHA_256", isMessage: false }),
    signing("sign-p-256-message", { pair: ec, algorithm: "ECDSA_SHA_256", isMessage: true }),
    await makingDataKeys("generate-data-key", client),
  ];
}

/** A pair and the version of it that is used. */
class Pair {
  readonly names: Readonly<Record<"KeyId" | "KeyVersionId", string>>;
  readonly publicKey: KeyObject;

  private constructor(names: Readonly<Record<"KeyId" | "KeyVersionId", string>>, publicKey: string) {
    this.names = names;
    this.publicKey = createPublicKey(publicKey);
  }

  static async make(client: CinnabarClient, spec: Readonly<Record<"KeySpec" | "KeyUsage", string>>): Promise<Pair> {
    const { KeyMetadata } = createKeyAnswer.parse(await client.call("CreateKey", spec));
    const { KeyId } = KeyMetadata;
    const { KeyVersions } = versionsAnswer.parse(await client.call("ListKeyVersions", { KeyId }));
    const [version] = KeyVersions.KeyVersion;
    if (version === undefined) throw new Error("A key has no version.");
    const names = { KeyId, KeyVersionId: version.KeyVersionId };
    return new Pair(names, publicKeyAnswer.parse(await client.call("GetPublicKey", names)).PublicKey);
  }
}

function signing(
  name: string,
  { pair, algorithm, isMessage }: { readonly pair: Pair; readonly algorithm: string; readonly isMessage: boolean },
): BenchOperation {
  return {
    name,
    action: "AsymmetricSign",
    make() {
      const message = randomBytes(MESSAGE_BYTES);
      const signed = isMessage
        ? { MessageType: "RAW", Message: toText(message) }
        : { Digest: toText(createHash("sha256").update(message).digest()) };
      return { form: { ...pair.names, Algorithm: algorithm, ...signed }, plaintext: toText(message) };
    },
    check({ plaintext, answer }) {
      const { Value } = signAnswer.parse(JSON.parse(answer.body.toString()));
      const message = Buffer.from(plaintext, "base64");
      if (!verify("sha256", message, pair.publicKey, Buffer.from(Value, "base64"))) {
        throw new Error(`${name}: a signature is wrong.`);
      }
    },
  };
}

async function decrypting(name: string, client: CinnabarClient): Promise<BenchOperation> {
  const pair = await Pair.make(client, { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT/DECRYPT" });
  const how = { ...pair.names, Algorithm: "RSAES_OAEP_SHA_256" };
  const plaintext = toText(randomBytes(MESSAGE_BYTES));
  const encrypted = ciphertextAnswer.parse(await client.call("AsymmetricEncrypt", { ...how, Plaintext: plaintext }));
  return {
    name,
    action: "AsymmetricDecrypt",
    make: () => ({ form: { ...how, CiphertextBlob: encrypted.CiphertextBlob }, plaintext }),
    check({ answer }) {
      const { Plaintext } = plaintextAnswer.parse(JSON.parse(answer.body.toString()));
      if (Plaintext !== plaintext) throw new Error(`${name}: a ciphertext decrypts to something else.`);
    },
  };
}

async function makingDataKeys(name: string, client: CinnabarClient): Promise<BenchOperation> {
  const { KeyId } = createKeyAnswer.parse(await client.call("CreateKey")).KeyMetadata;
  return {
    name,
    action: "GenerateDataKey",
    make: () => ({ form: { KeyId } }),
    async check({ answer }) {
      const { Plaintext, CiphertextBlob } = dataKeyAnswer.parse(JSON.parse(answer.body.toString()));
      const decrypted = plaintextAnswer.parse(await client.call("Decrypt", { CiphertextBlob }));
      if (decrypted.Plaintext !== Plaintext) throw new Error(`${name}: a data key decrypts to something else.`);
    },
  };
}

function toText(bytes: Buffer): string {
  return bytes.toString("base64");
}
