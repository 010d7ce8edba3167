import { randomUUID } from "node:crypto";
import { signAcs3, SigningSecret } from "@cinnabar/rpc";
import { type Answer, parseAnswer, readString } from "./answer.ts";
import { TransportError } from "./transport-error.ts";
import { Transport } from "./transport.ts";

const KMS_VERSION = "2016-01-20";
const DEFAULT_TIMEOUT_MILLIS = 30_000;

/** An access key, or the three parts of a session's credentials. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

export interface ClientOptions {
  /** Scheme, host and port: `http://127.0.0.1:8080`. Whatever is secret in an answer is only protected by https. */
  readonly endpoint: URL;
  readonly credentials: Credentials;
  /** Certificates (PEM) to trust instead of the system's, such as the `ca.pem` of a Cinnabar data directory. */
  readonly ca?: string;
  /** For each call, from connecting to the last byte of the answer. 30 seconds by default. */
  readonly timeoutMillis?: number;
}

/** Values of parameters; `undefined` leaves one out. Structures are sent as their JSON text. */
export type CallParameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** Text that is authenticated with a ciphertext and must be given again to decrypt it; not secret. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** A fresh data key and its ciphertext, which alone is to be stored. */
export interface GeneratedDataKey {
  readonly keyId: string;
  readonly keyVersionId: string;
  readonly ciphertextBlob: string;
  /** The caller's to clear after use. */
  readonly dataKey: Uint8Array;
}

export interface Decrypted {
  readonly keyId: string;
  readonly keyVersionId: string;
  /** The text that was encrypted; for a data key, base64 of its bytes. */
  readonly plaintext: string;
}

/**
 * Calls a key management service, Cinnabar or Alibaba Cloud KMS, signing with ACS3-HMAC-SHA256.
 *
 * Every call throws {@link ServiceError} if the service refuses it and {@link TransportError} if no answer comes.
 * Nothing is sent twice: what may be tried again, and when, is the caller's to decide. Connections stay open between
 * calls until `close`.
 */
export class CinnabarClient {
  readonly #host: string;
  readonly #transport: Transport;
  readonly #identity: { accessKeyId: string; secret: SigningSecret; securityToken: string | undefined };

  /** @throws RangeError if the endpoint is not `http:` or `https:` with a host alone, or the secret is empty. */
  constructor({ endpoint, credentials, ca, timeoutMillis = DEFAULT_TIMEOUT_MILLIS }: ClientOptions) {
    if (!/^https?:$/.test(endpoint.protocol) || endpoint.href !== `${endpoint.origin}/`) {
      throw new RangeError("An endpoint must read http://host:port or https://host:port, without a path");
    }
    const { accessKeyId, accessKeySecret, securityToken } = credentials;
    this.#host = endpoint.host;
    this.#transport = new Transport({ endpoint, ca, timeoutMillis });
    this.#identity = { accessKeyId, secret: new SigningSecret(accessKeySecret), securityToken };
  }

  /**
   * Calls any operation.
   *
   * @param options - `version` is the product's API version, by default that of KMS.
   * @returns the fields of the answer, unchecked.
   */
  async call(
    action: string,
    parameters: CallParameters = {},
    { version = KMS_VERSION }: { version?: string } = {},
  ): Promise<Answer> {
    const form = new Map<string, string>();
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) form.set(name, String(value));
    }
    const request = signAcs3({
      ...this.#identity,
      protocol: "ACS3-HMAC-SHA256",
      method: "POST",
      host: this.#host,
      action,
      version,
      form,
      nonce: randomUUID(),
      timestampMillis: Date.now(),
    });
    return parseAnswer(await this.#transport.exchange(request));
  }

  /**
   * Has the service make a data key under a key, to encrypt with here.
   *
   * @param options - `keyId` may be an id, an alias or an ARN; `numberOfBytes` is 1 to 1024, 32 by default.
   */
  async generateDataKey(options: {
    keyId: string;
    numberOfBytes?: number;
    encryptionContext?: EncryptionContext;
  }): Promise<GeneratedDataKey> {
    const { keyId, numberOfBytes = 32, encryptionContext } = options;
    const answer = await this.call("GenerateDataKey", {
      KeyId: keyId,
      NumberOfBytes: numberOfBytes,
      EncryptionContext: encodeContext(encryptionContext),
    });
    const plaintext = readString(answer, "Plaintext");
    const dataKey = Buffer.from(plaintext, "base64");
    if (dataKey.length !== numberOfBytes || dataKey.toString("base64") !== plaintext) {
      throw new TransportError(`The answer's data key is not ${numberOfBytes} bytes in base64.`);
    }
    return {
      keyId: readString(answer, "KeyId"),
      keyVersionId: readString(answer, "KeyVersionId"),
      ciphertextBlob: readString(answer, "CiphertextBlob"),
      dataKey,
    };
  }

  /** Decrypts what Encrypt or GenerateDataKey returned. The key is found by the ciphertext itself. */
  async decrypt(options: { ciphertextBlob: string; encryptionContext?: EncryptionContext }): Promise<Decrypted> {
    const answer = await this.call("Decrypt", {
      CiphertextBlob: options.ciphertextBlob,
      EncryptionContext: encodeContext(options.encryptionContext),
    });
    return {
      keyId: readString(answer, "KeyId"),
      keyVersionId: readString(answer, "KeyVersionId"),
      plaintext: readString(answer, "Plaintext"),
    };
  }

  /** Ends the open connections; calls under way fail. */
  close(): void {
    this.#transport.close();
  }
}

function encodeContext(context: EncryptionContext | undefined): string | undefined {
  return context === undefined ? undefined : JSON.stringify(context);
}
