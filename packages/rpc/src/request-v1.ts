import { readFormat } from "./format.ts";
import { withoutProtocol } from "./protocol-parameters.ts";
import type { RpcRequest } from "./rpc-request.ts";
import { stringToSignV1 } from "./signature-v1.ts";
import { parseTimestamp } from "./timestamp.ts";
import { invalidParameter, type MandatoryName, missing, WireError } from "./wire-error.ts";

/** @param all - the parameters of query and form. */
export function parseV1(method: string, all: ReadonlyMap<string, string>): RpcRequest {
  const signature = read(all, "Signature");
  const signatureType = read(all, "SignatureType");
  if (signatureType === "BEARERTOKEN") {
    throw new WireError("InvalidSignatureMethod", "Bearer tokens are not accepted: sign with an AccessKey.");
  }
  if (signatureType !== undefined) throw invalidParameter("SignatureType", "Leave it out, or empty.");
  if (signature === undefined)
    throw missing("Signature", "Sign the request with RPC signature V1, ACS3-HMAC-SHA256 or ACS4-HMAC-SHA256.");

  const accessKeyId = readMandatory(all, "AccessKeyId");
  if (readMandatory(all, "SignatureMethod") !== "HMAC-SHA1") {
    throw new WireError(
      "InvalidSignatureMethod",
      "SignatureMethod must be HMAC-SHA1; for HMAC-SHA256 sign with ACS3 or ACS4.",
    );
  }
  if (readMandatory(all, "SignatureVersion") !== "1.0") throw invalidParameter("SignatureVersion", "It must be 1.0.");
  return {
    protocol: "RPC-V1",
    action: readMandatory(all, "Action"),
    version: readMandatory(all, "Version"),
    format: readFormat(all),
    accessKeyId,
    securityToken: read(all, "SecurityToken"),
    nonce: read(all, "SignatureNonce"),
    timestampMillis: parseTimestamp(readMandatory(all, "Timestamp")),
    signature,
    parameters: withoutProtocol(all),
    stringsToSign: [stringToSignV1(method, all)],
    canonicalRequest: undefined,
  };
}

/** An empty value counts as absent. */
function read(parameters: ReadonlyMap<string, string>, name: string): string | undefined {
  const value = parameters.get(name);
  return value === "" ? undefined : value;
}

function readMandatory(parameters: ReadonlyMap<string, string>, name: MandatoryName): string {
  const value = read(parameters, name);
  if (value === undefined) throw missing(name, "Send it as a parameter.");
  return value;
}
