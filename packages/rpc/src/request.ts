import { readHeader } from "./headers.ts";
import { readFormat } from "./format.ts";
import { isInstanceRequest, parseInstanceRequest } from "./instance-request.ts";
import { decodeParameters, sortByName } from "./parameters.ts";
import { parseAcs } from "./request-acs.ts";
import { parseV1 } from "./request-v1.ts";
import { withoutProtocol } from "./protocol-parameters.ts";
import type { HttpRequest, RpcRequest, UnsignedRequest } from "./rpc-request.ts";
import { FORM_CONTENT_TYPE } from "./signed-request.ts";
import { incompleteSignature, unreadable, WireError } from "./wire-error.ts";

/**
 * Reads a request and decides how it is signed: one of the instance protocol, which its content type tells, by a client
 * key; an RPC request by an `Authorization` header (ACS3, ACS4), or by a `Signature` parameter (V1). Headers such as x-acs-action decide nothing, since clients send them with V1 too.
 *
 * The result is proven to come from its access key only after `verifySignature`, and is fresh only after
 * `assertFresh`; the body's digest has been checked.
 *
 * @throws WireError for whatever is wrong, and nothing else.
 */
export function parseRequest(http: HttpRequest): RpcRequest {
  if (isInstanceRequest(http.headers)) return parseInstanceRequest(http);
  if (http.method !== "GET" && http.method !== "POST") {
    throw new WireError("UnsupportedHTTPMethod", "The HTTP method is not supported. Use POST or GET.");
  }
  const parameters = new Map<string, string>();
  decodeParameters(readQuery(http.url), parameters);

  const authorization = readHeader(http.headers, "authorization");
  if (authorization === undefined) {
    if (readHeader(http.headers, "x-acs-bearer-token") !== undefined) {
      throw new WireError("InvalidSignatureMethod", "Bearer tokens are not accepted: sign with an AccessKey.");
    }
    decodeForm(http, parameters);
    return parseV1(http.method, parameters);
  }
  if (parameters.has("Signature")) {
    throw incompleteSignature("Send either an Authorization header or a Signature parameter, not both.");
  }
  const sortedQuery = sortByName(parameters);
  decodeForm(http, parameters);
  return parseAcs({ http, authorization, sortedQuery, parameters });
}

/**
 * Reads a request that {@link parseRequest} refused with `MissingSignature`, for the few operations that may be called
 * without one: action and version as parameters, or in the headers x-acs-action and x-acs-version.
 *
 * @returns `undefined` if it does not say what it asks for, or names an access key and was to be signed.
 * @throws WireError
 */
export function parseUnsignedRequest(http: HttpRequest): UnsignedRequest | undefined {
  const all = new Map<string, string>();
  decodeParameters(readQuery(http.url), all);
  decodeForm(http, all);
  const action = all.get("Action") ?? readHeader(http.headers, "x-acs-action");
  const version = all.get("Version") ?? readHeader(http.headers, "x-acs-version");
  if (!action || !version || all.has("AccessKeyId")) return undefined;
  return { action, version, format: readFormat(all), parameters: withoutProtocol(all) };
}

function readQuery(url: string): string {
  const question = url.indexOf("?");
  const path = question === -1 ? url : url.slice(0, question);
  if (path !== "/") {
    throw new WireError(
      "InvalidApi.NotFound",
      "Specified api is not found, please check your url and method. The path must be /.",
    );
  }
  return question === -1 ? "" : url.slice(question + 1);
}

function decodeForm({ headers, body }: HttpRequest, parameters: Map<string, string>): void {
  if (body.length === 0) return;
  if (!isForm(readHeader(headers, "content-type") ?? "")) {
    throw unreadable(`A body must be of type ${FORM_CONTENT_TYPE}.`);
  }
  decodeParameters(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1"), parameters);
}

function isForm(contentType: string): boolean {
  if (contentType === FORM_CONTENT_TYPE) return true;
  const [mediaType = ""] = contentType.split(";", 1);
  return mediaType.trim().toLowerCase() === FORM_CONTENT_TYPE;
}
