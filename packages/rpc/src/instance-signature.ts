import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import {
  INSTANCE_API_VERSION,
  INSTANCE_HEADERS,
  INSTANCE_SIGNATURE_METHOD,
  instanceStringToSign,
  PROTOBUF_CONTENT_TYPE,
} from "./instance-request.ts";
import { INSTANCE_APIS } from "./instance-messages.ts";
import { encodeMessage, type FieldValue } from "./protobuf.ts";
import type { SignedRequest } from "./signed-request.ts";

/** The public half of a client key, ready to verify signatures; made once and kept. */
export class ClientKeyVerifier {
  readonly #key: KeyObject;

  /** @param publicKey - RSA, as DER SubjectPublicKeyInfo. @throws if it is none. */
  constructor(publicKey: Uint8Array) {
    this.#key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  }

  /** Whether the client key signed the text (RSASSA-PKCS1-v1_5 with SHA-256). */
  verify(stringToSign: string, signature: Uint8Array): boolean {
    return verify("sha256", Buffer.from(stringToSign), this.#key, signature);
  }
}

/** A call of the instance protocol that is to be signed. */
export interface InstanceCall {
  readonly apiName: string;
  readonly clientKeyId: string;
  /** RSA. */
  readonly privateKey: KeyObject;
  /** The message's fields by their names. */
  readonly fields: ReadonlyMap<string, FieldValue>;
  /** The caller's clock, in milliseconds since 1970; sent in whole seconds. */
  readonly timestampMillis: number;
  /** Further headers whose names begin with `x-kms-`, under lower-case names; they are signed too. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Signs a call as the clients of the instance protocol do. @throws RangeError for an API that there is not. */
export function signInstance(call: InstanceCall): SignedRequest {
  const { apiName, clientKeyId, privateKey, fields, timestampMillis } = call;
  const api = INSTANCE_APIS[apiName];
  if (api === undefined) throw new RangeError("there is no such API");
  const body = encodeMessage(api.request, fields);
  const date = new Date(timestampMillis).toUTCString();
  const digest = hash("sha256", body).toUpperCase();
  const headers = {
    ...call.headers,
    accept: PROTOBUF_CONTENT_TYPE,
    "content-type": PROTOBUF_CONTENT_TYPE,
    "content-sha256": digest,
    date,
    [INSTANCE_HEADERS.apiVersion]: INSTANCE_API_VERSION,
    [INSTANCE_HEADERS.apiName]: apiName,
    [INSTANCE_HEADERS.signatureMethod]: INSTANCE_SIGNATURE_METHOD,
    [INSTANCE_HEADERS.accessKeyId]: clientKeyId,
  };
  const text = instanceStringToSign({ method: "POST", digest, date, headers });
  const signature = sign("sha256", Buffer.from(text), privateKey).toString("base64");
  return { method: "POST", url: "/", headers: { ...headers, authorization: `Bearer ${signature}` }, body };
}
