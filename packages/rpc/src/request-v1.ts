import { takeFormat } from "./format.ts";
import type { RpcRequest } from "./rpc-request.ts";
import { stringToSignV1 } from "./signature-v1.ts";
import { parseTimestamp } from "./timestamp.ts";
import { invalidParameter, type MandatoryName, missing, WireError } from "./wire-error.ts";

/** @param parameters - of query and form; the protocol's own are taken out. */
export function parseV1(method: string, parameters: Map<string, string>): RpcRequest {
  const signature = take(parameters, "Signature");
  const stringToSign = stringToSignV1(method, parameters);
  const signatureType = take(parameters, "SignatureType");
  if (signatureType === "BEARERTOKEN") {
    throw new WireError("InvalidSignatureMethod", "Bearer tokens are not accepted: sign with an AccessKey.");
  }
  if (signatureType !== undefined) throw invalidParameter("SignatureType", "Leave it out, or empty.");
  if (signature === undefined)
    throw missing("Signature", "Sign the request with RPC signature V1 or ACS3-HMAC-SHA256.");

  const accessKeyId = takeMandatory(parameters, "AccessKeyId");
  if (takeMandatory(parameters, "SignatureMethod") !== "HMAC-SHA1") {
    throw new WireError("InvalidSignatureMethod", "SignatureMethod must be HMAC-SHA1; for HMAC-SHA256 sign with ACS3.");
  }
  if (takeMandatory(parameters, "SignatureVersion") !== "1.0")
    throw invalidParameter("SignatureVersion", "It must be 1.0.");
  return {
    protocol: "RPC-V1",
    action: takeMandatory(parameters, "Action"),
    version: takeMandatory(parameters, "Version"),
    format: takeFormat(parameters),
    accessKeyId,
    securityToken: take(parameters, "SecurityToken"),
    nonce: take(parameters, "SignatureNonce"),
    timestampMillis: parseTimestamp(takeMandatory(parameters, "Timestamp")),
    signature,
    parameters,
    stringsToSign: [stringToSign],
    canonicalRequest: undefined,
  };
}

/** An empty value counts as absent. */
function take(parameters: Map<string, string>, name: string): string | undefined {
  const value = parameters.get(name);
  parameters.delete(name);
  return value === "" ? undefined : value;
}

function takeMandatory(parameters: Map<string, string>, name: MandatoryName): string {
  const value = take(parameters, name);
  if (value === undefined) throw missing(name, "Send it as a parameter.");
  return value;
}
