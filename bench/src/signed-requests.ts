import { randomUUID } from "node:crypto";
import { signAcs3, type SignedRequest, signV1, SigningSecret } from "@cinnabar/rpc";
import type { RootAccessKey } from "./cinnabar-server.ts";
import { encodeRequest } from "./http-bytes.ts";
import type { ReadyRequest, RequestSource } from "./load.ts";

const VERSION = "2016-01-20";

export const PROTOCOLS = ["v1", "acs3"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** A call to be signed, and what is encrypted in it, if anything is, to compare with later. */
export interface BenchCall {
  readonly form: Readonly<Record<string, string>>;
  readonly plaintext?: string;
}

export interface SignedRequestsOptions {
  readonly protocol: Protocol;
  readonly accessKey: RootAccessKey;
  readonly action: string;
  /** Makes the call of one request. */
  readonly make: () => BenchCall;
  /** How far in the future the timestamps lie: so much longer a server has to remember the nonces. */
  readonly aheadMillis?: number | undefined;
}

/** Signed requests of one operation, each with a nonce of its own. */
export class SignedRequests implements RequestSource {
  readonly #options: SignedRequestsOptions;
  readonly #secret: SigningSecret;
  readonly #host: string;
  #prepared: ReadyRequest[] = [];

  constructor(options: SignedRequestsOptions) {
    this.#options = options;
    this.#secret = new SigningSecret(options.accessKey.accessKeySecret);
    this.#host = options.accessKey.endpoint.host;
  }

  prepare(count: number): void {
    // What is left from an earlier window may have grown old.
    this.#prepared = Array.from({ length: count }, () => this.#sign());
  }

  next(): ReadyRequest {
    return this.#prepared.pop() ?? this.#sign();
  }

  #sign(): ReadyRequest {
    const { form, plaintext = "" } = this.#options.make();
    return { bytes: encodeRequest(this.#signForm(new Map(Object.entries(form))), { host: this.#host }), plaintext };
  }

  #signForm(form: ReadonlyMap<string, string>): SignedRequest {
    const { protocol, accessKey, action, aheadMillis = 0 } = this.#options;
    const call = {
      method: "POST",
      action,
      version: VERSION,
      form,
      accessKeyId: accessKey.accessKeyId,
      secret: this.#secret,
      timestampMillis: Date.now() + aheadMillis,
      nonce: randomUUID(),
    } as const;
    return protocol === "v1" ? signV1(call) : signAcs3({ ...call, protocol: "ACS3-HMAC-SHA256", host: this.#host });
  }
}
