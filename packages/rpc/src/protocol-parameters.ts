/** Parameters that belong to the protocol, whichever way a request is signed: ACS3 and ACS4 send most of them as headers. */
const PROTOCOL_PARAMETERS: ReadonlySet<string> = new Set([
  "AccessKeyId",
  "Action",
  "Format",
  "SecurityToken",
  "Signature",
  "SignatureMethod",
  "SignatureNonce",
  "SignatureType",
  "SignatureVersion",
  "Timestamp",
  "Version",
]);

/** The operation's own parameters. */
export function withoutProtocol(all: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of all) if (!PROTOCOL_PARAMETERS.has(name)) parameters.set(name, value);
  return parameters;
}
