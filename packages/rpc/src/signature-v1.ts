import { percentEncodeTwice } from "./percent-encoding.ts";
import { type Call, encodeForm, encodeUrl, FORM_CONTENT_TYPE, type SignedRequest } from "./signed-request.ts";
import { formatTimestamp } from "./timestamp.ts";

/**
 * The string to sign of RPC signature V1 (Alibaba Cloud, "Request structure and signature", RPC style).
 *
 * @param parameters - all of query and form; `Signature` itself is left out.
 */
export function stringToSignV1(method: string, parameters: ReadonlyMap<string, string>): string {
  let text = `${method}&%2F&`;
  let separator = "";
  for (const name of [...parameters.keys()].toSorted()) {
    if (name === "Signature") continue;
    // "=" and "&" of the canonical query, themselves encoded.
    text += `${separator}${percentEncodeTwice(name)}%3D${percentEncodeTwice(parameters.get(name) ?? "")}`;
    separator = "%26";
  }
  return text;
}

/**
 * Signs a call with RPC signature V1 (HMAC-SHA1). The protocol's own parameters go in the query.
 *
 * @param call - its nonce may be left out here.
 * @throws URIError if a name or value holds an unpaired surrogate.
 */
export function signV1(call: Omit<Call, "nonce"> & { readonly nonce?: string }): SignedRequest {
  const query = new Map(call.query);
  query.set("AccessKeyId", call.accessKeyId);
  query.set("Action", call.action);
  query.set("Format", call.format ?? "JSON");
  query.set("SignatureMethod", "HMAC-SHA1");
  query.set("SignatureVersion", "1.0");
  query.set("Timestamp", formatTimestamp(call.timestampMillis));
  query.set("Version", call.version);
  if (call.nonce !== undefined) query.set("SignatureNonce", call.nonce);
  if (call.securityToken !== undefined) query.set("SecurityToken", call.securityToken);

  const signed = new Map([...query, ...(call.form ?? [])]);
  query.set("Signature", call.secret.sign("RPC-V1", stringToSignV1(call.method, signed)));
  return {
    method: call.method,
    url: encodeUrl(query),
    headers: call.form === undefined ? {} : { "content-type": FORM_CONTENT_TYPE },
    body: encodeForm(call.form),
  };
}
