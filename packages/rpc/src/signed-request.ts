import type { RpcFormat } from "./format.ts";
import { encodeParameters } from "./parameters.ts";
import type { SigningSecret } from "./signing-secret.ts";

/** A call to be signed. Parameters may go in the query, in a form, or in both under different names. */
export interface Call {
  readonly method: "GET" | "POST";
  readonly action: string;
  readonly version: string;
  readonly query?: ReadonlyMap<string, string>;
  readonly form?: ReadonlyMap<string, string>;
  /** What the answer is to be written in; JSON by default. */
  readonly format?: RpcFormat;
  readonly accessKeyId: string;
  readonly secret: SigningSecret;
  /** Of a session's credentials. */
  readonly securityToken?: string | undefined;
  /** The caller's clock, in milliseconds since 1970; sent in whole seconds. */
  readonly timestampMillis: number;
  /** Unique for each request of the access key. */
  readonly nonce: string;
}

/** A complete HTTP request, but for the server's address. */
export interface SignedRequest {
  readonly method: "GET" | "POST";
  /** Path and query. */
  readonly url: string;
  /** Under lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export const FORM_CONTENT_TYPE = "application/x-www-form-urlencoded";

export function encodeForm(form: ReadonlyMap<string, string> | undefined): Uint8Array {
  return Buffer.from(encodeParameters(form ?? []));
}

export function encodeUrl(query: Iterable<readonly [string, string]>): string {
  const text = encodeParameters(query);
  return text === "" ? "/" : `/?${text}`;
}

/** The query of a call, which asks for the format where that is not what comes unasked. */
export function withFormat({ query, format }: Call): ReadonlyMap<string, string> {
  return format === undefined || format === "JSON"
    ? (query ?? new Map())
    : new Map([...(query ?? []), ["Format", format]]);
}
