import type { Acs4Scope } from "./acs4-scope.ts";
import type { AnswerFormat } from "./format.ts";
import type { RequestHeaders } from "./headers.ts";

/** The signature protocols, named as in the `Authorization` header; RPC-V1 is the one of query parameters, HMAC-SHA1. */
export type RpcProtocol = "RPC-V1" | AcsProtocol;

/** Signatures in the `Authorization` header, over the query, the headers that it names, and the body's digest. */
export type AcsProtocol = Acs3Protocol | "ACS4-HMAC-SHA256";

/** Those that sign with the secret itself. ACS4 signs with a key derived from it. */
export type Acs3Protocol = "ACS3-HMAC-SHA256" | "ACS3-HMAC-SM3";

/** An HTTP request as received. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly url: string;
  readonly headers: RequestHeaders;
  /** Not kept and not changed. */
  readonly body: Uint8Array;
}

/**
 * A well-formed request whose signature has not been checked yet.
 *
 * Its strings may be slices that keep the whole request in memory: copy or digest what outlives the request.
 */
export type RpcRequest = UnscopedRequest | Acs4Request | InstanceRequest;

export interface UnscopedRequest extends RequestParts {
  readonly protocol: "RPC-V1" | Acs3Protocol;
}

export interface Acs4Request extends RequestParts {
  readonly protocol: "ACS4-HMAC-SHA256";
  /** What its key is derived for. The day is checked with the signature, the product by `assertSignedFor`. */
  readonly scope: Acs4Scope;
}

/**
 * A request of the instance protocol, signed by a client key. It has no nonce: the signature takes its place. It has no
 * parameters before `readMessage`.
 */
export interface InstanceRequest extends RequestParts {
  readonly protocol: "RSA_PKCS1_SHA_256";
  /** The body, which the signature is over. */
  readonly message: Uint8Array;
}

/** A call that nobody has signed: it says what is asked, and proves nothing. */
export type UnsignedRequest = Pick<RequestParts, "action" | "version" | "format" | "parameters">;

interface RequestParts {
  readonly action: string;
  readonly version: string;
  /** What the caller would like to read. */
  readonly format: AnswerFormat;
  readonly accessKeyId: string;
  readonly securityToken: string | undefined;
  /** Only RPC-V1 and the instance protocol leave it out; then the signature, of which there is only one spelling, takes its place in replay checks. */
  readonly nonce: string | undefined;
  /** The caller's clock, in milliseconds since 1970. */
  readonly timestampMillis: number;
  /** Base64 (RPC-V1 and the instance protocol) or lower-case hexadecimal, not yet compared. */
  readonly signature: string;
  /** All parameters of query and form but the protocol's own. */
  readonly parameters: ReadonlyMap<string, string>;
  /** What the signature may be over: first the specified text, then variants that official clients sign. */
  readonly stringsToSign: readonly [string, ...string[]];
  /** What the first of `stringsToSign` is the digest of, in ACS3 and ACS4. */
  readonly canonicalRequest: string | undefined;
}
