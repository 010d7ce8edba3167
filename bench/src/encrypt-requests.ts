import { randomBytes, randomUUID } from "node:crypto";
import { signAcs3, type SignedRequest, signV1, SigningSecret } from "@cinnabar/rpc";
import { encodeRequest } from "./http-bytes.ts";
import type { ReadyRequest, RequestSource } from "./load.ts";
import type { RootAccessKey } from "./cinnabar-server.ts";

const VERSION = "2016-01-20";
/** What Alibaba Cloud's own performance test encrypts ("Performance data" of KMS instances). */
const PLAINTEXT_BYTES = 32;

export const PROTOCOLS = ["v1", "acs3"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Signed Encrypt requests of 32 bytes, each with a nonce of its own, over many keys in turn. */
export class EncryptRequests implements RequestSource {
  readonly #protocol: Protocol;
  readonly #accessKeyId: string;
  readonly #secret: SigningSecret;
  readonly #host: string;
  readonly #keyIds: readonly string[];
  readonly #aheadMillis: number;
  #prepared: ReadyRequest[] = [];
  #signed = 0;

  /**
   * @param options.aheadMillis - how far in the future the timestamps lie: so much longer a server has to remember the
   * nonces.
   */
  constructor(options: {
    protocol: Protocol;
    accessKey: RootAccessKey;
    keyIds: readonly string[];
    aheadMillis?: number;
  }) {
    this.#protocol = options.protocol;
    this.#accessKeyId = options.accessKey.accessKeyId;
    this.#secret = new SigningSecret(options.accessKey.accessKeySecret);
    this.#host = options.accessKey.endpoint.host;
    this.#keyIds = options.keyIds;
    this.#aheadMillis = options.aheadMillis ?? 0;
  }

  prepare(count: number): void {
    // What is left from an earlier window may have grown old.
    this.#prepared = Array.from({ length: count }, () => this.#sign());
  }

  next(): ReadyRequest {
    return this.#prepared.pop() ?? this.#sign();
  }

  #sign(): ReadyRequest {
    const keyId = this.#keyIds[this.#signed++ % this.#keyIds.length];
    if (keyId === undefined) throw new RangeError("there are no keys");
    const plaintext = randomBytes(PLAINTEXT_BYTES).toString("base64");
    const form = new Map([
      ["KeyId", keyId],
      ["Plaintext", plaintext],
    ]);
    return { bytes: encodeRequest(this.#signForm(form), { host: this.#host }), plaintext };
  }

  #signForm(form: ReadonlyMap<string, string>): SignedRequest {
    const call = {
      method: "POST",
      action: "Encrypt",
      version: VERSION,
      form,
      accessKeyId: this.#accessKeyId,
      secret: this.#secret,
      timestampMillis: Date.now() + this.#aheadMillis,
      nonce: randomUUID(),
    } as const;
    return this.#protocol === "v1"
      ? signV1(call)
      : signAcs3({ ...call, protocol: "ACS3-HMAC-SHA256", host: this.#host });
  }
}
