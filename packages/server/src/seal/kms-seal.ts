import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { CinnabarClient, ServiceError, TransportError } from "@cinnabar/client";
import { SecretBytes } from "@cinnabar/crypto";
import {
  damagedSeal,
  type MadeWrappingKey,
  SealError,
  type SealParameters,
  WrappedSeal,
  type WrappingKeySource,
} from "@cinnabar/kernel";
import { z } from "zod";

import { fileError } from "../data-directory/file-error.ts";
import { isLoopback } from "../listener/listen-address.ts";
import { OperatorError } from "../operator-error.ts";

const WRAPPING_KEY_BYTES = 32;
const CALL_MILLIS = 10_000;
const GROUP_AND_OTHERS = 0o077;

const settingsSchema = z.strictObject({
  Endpoint: z.url({ protocol: /^https?$/ }),
  /** An id, an alias or an ARN of a symmetric key. */
  KeyId: z.string().min(1),
  AccessKeyId: z.string().min(1),
  AccessKeySecret: z.string().min(1),
  /** File of certificates to trust instead of the system's. */
  Ca: z.string().min(1).optional(),
  /** Where the sealed root key is; relative to this file. */
  SealedRootKey: z.string().min(1).optional(),
});

export type KmsSettings = z.output<typeof settingsSchema>;

const parametersSchema = z.strictObject({ endpoint: z.string(), keyId: z.string(), ciphertextBlob: z.string() });

/**
 * The seal of a settings file: it keeps the root key under a key that another key management service has encrypted.
 * That service never sees the root key.
 *
 * @param options.path - of the sealed root key, unless the file names another.
 * @throws OperatorError if the file cannot be read, or others may read it.
 */
export async function kmsSeal(options: { readonly settings: string; readonly path: string }): Promise<WrappedSeal> {
  const settings = await readSettings(options.settings);
  const beside = (path: string) => resolve(dirname(options.settings), path);
  const path = settings.SealedRootKey === undefined ? options.path : beside(settings.SealedRootKey);
  const ca = settings.Ca === undefined ? undefined : await readCa(beside(settings.Ca));
  return new WrappedSeal(path, new KmsSource(settings, ca));
}

/** The encryption context: binds what the service encrypts to the deployment's root key. */
function contextOf(rootKey: string): string {
  return JSON.stringify({ "cinnabar:purpose": "seal", "cinnabar:root-key": rootKey });
}

class KmsSource implements WrappingKeySource {
  readonly kind = "kms";
  readonly isForOneRootKey = true;
  readonly #settings: KmsSettings;
  readonly #ca: string | undefined;

  constructor(settings: KmsSettings, ca: string | undefined) {
    this.#settings = settings;
    this.#ca = ca;
  }

  async make({ rootKey }: { readonly rootKey: string }): Promise<MadeWrappingKey> {
    const { Endpoint: endpoint, KeyId: keyId } = this.#settings;
    using material = new SecretBytes(randomBytes(WRAPPING_KEY_BYTES));
    const answer = await this.#call("Encrypt", {
      KeyId: keyId,
      Plaintext: material.bytes.toString("base64"),
      EncryptionContext: contextOf(rootKey),
    });
    const { CiphertextBlob: ciphertextBlob } = answer;
    if (typeof ciphertextBlob !== "string") throw this.#failed("Encrypt", "its answer has no CiphertextBlob");
    const parameters = { endpoint, keyId, ciphertextBlob };
    return {
      key: createSecretKey(material.bytes),
      parameters,
      findAgain: (about) => this.find(parameters, about),
      [Symbol.dispose]: () => undefined,
    };
  }

  async find(
    parameters: SealParameters,
    about: { readonly rootKey: string; readonly path: string },
  ): Promise<KeyObject> {
    const parsed = parametersSchema.safeParse(parameters);
    if (!parsed.success) throw damagedSeal(about.path, "its parameters are not those of a key management service");
    const answer = await this.#call("Decrypt", {
      CiphertextBlob: parsed.data.ciphertextBlob,
      EncryptionContext: contextOf(about.rootKey),
    });
    using material = new SecretBytes(Buffer.from(String(answer["Plaintext"]), "base64"));
    if (material.bytes.length !== WRAPPING_KEY_BYTES)
      throw this.#failed("Decrypt", "its answer is not what was sealed");
    return createSecretKey(material.bytes);
  }

  wrong(path: string): string {
    return `${this.#settings.Endpoint} does not open ${path}: what it decrypted is another key; nothing was changed.`;
  }

  async #call(action: "Encrypt" | "Decrypt", parameters: Readonly<Record<string, string>>) {
    const { Endpoint, AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = this.#settings;
    const client = new CinnabarClient({
      endpoint: new URL(Endpoint),
      credentials: { accessKeyId, accessKeySecret },
      ...(this.#ca !== undefined && { ca: this.#ca }),
      timeoutMillis: CALL_MILLIS,
    });
    try {
      return await client.call(action, parameters);
    } catch (error) {
      if (error instanceof ServiceError) {
        throw this.#failed(action, `${error.code}: ${error.message} (RequestId ${error.requestId})`, error);
      }
      if (error instanceof TransportError) throw this.#failed(action, error.message, error);
      throw error;
    } finally {
      client.close();
    }
  }

  #failed(action: string, reason: string, cause?: unknown): SealError {
    const { Endpoint, KeyId } = this.#settings;
    return new SealError("unreachable", `The seal's service ${Endpoint} did not ${action} with ${KeyId}: ${reason}`, {
      cause,
    });
  }
}

async function readSettings(path: string): Promise<KmsSettings> {
  let text: string;
  try {
    await using file = await open(path);
    if (((await file.stat()).mode & GROUP_AND_OTHERS) !== 0) {
      throw new OperatorError(`${path} holds an AccessKey and may be read by others than its owner: chmod 600 ${path}`);
    }
    text = await file.readFile("utf8");
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw fileError(`The seal's settings ${path} cannot be read`, error);
  }
  const settings = parseSettings(text);
  if (settings === undefined) {
    // Without more: a parser's message may quote the secret.
    throw new OperatorError(
      `The seal's settings ${path} are not JSON with Endpoint, KeyId, AccessKeyId, AccessKeySecret, and perhaps Ca and SealedRootKey.`,
    );
  }
  const { protocol, hostname, href, origin } = new URL(settings.Endpoint);
  if (href !== `${origin}/`)
    throw new OperatorError(`The Endpoint in ${path} is to be a scheme, a host and a port alone.`);
  if (protocol === "http:" && !isLoopback(hostname.replaceAll(/[[\]]/g, ""))) {
    throw new OperatorError(`The Endpoint in ${path} is not https: what opens the root key could be read on the way.`);
  }
  return settings;
}

function parseSettings(text: string): KmsSettings | undefined {
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw fileError(`The seal's Ca ${path} cannot be read`, error);
  }
}
