import {
  type ClientKeyVerifier,
  parseRequest,
  readMessage,
  signAcs3,
  signAcs4,
  type SignedRequest,
  signV1,
  SigningSecret,
  verifySignature,
  WIRE_ERROR_CODES,
  WireError,
  type RpcRequest,
} from "@cinnabar/rpc";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { clientKeyVerifier, signedInstanceRequests } from "./instance-requests.ts";
import { decodeRequest, encodeRequest, meaningOf } from "./request-bytes.ts";

const CODES: ReadonlySet<string> = new Set(WIRE_ERROR_CODES);
const ACCESS_KEY_ID = "LTAIfuzz";
const SECRET = new SigningSecret("the secret of nobody's access key");
/** No signature covers the AccessKeyId: whoever names another one is measured by that one's secret. */
const ANOTHERS_SECRET = new SigningSecret("another secret");
const TIMESTAMP_MILLIS = Date.UTC(2026, 10, 22);

/** Requests as they stand in HTTP, read and verified without a server. What still verifies must mean what was signed. */
export const requestsTarget: TargetDeclaration = {
  name: "requests",
  what: "signed requests, read and verified in process",
  group: "process",
  weight: 300,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const clientKey = clientKeyVerifier();
  // One of the instance protocol, so that parts of it come into the others; it has a target of its own.
  const seeds = [...signedRequests(), ...signedInstanceRequests().slice(0, 1)].map(encodeRequest);
  const meanings = new Set(seeds.map((seed) => meaningOf(readMessage(parseRequest(decodeRequest(seed))))));
  return {
    seeds,
    attempt(input) {
      let request: RpcRequest;
      try {
        request = parseRequest(decodeRequest(input));
        verifySignature(request, keyOf(request, clientKey));
        request = readMessage(request);
      } catch (error) {
        const outcome = refusal(error, WireError);
        if (error instanceof WireError && !CODES.has(error.code)) throw new Violation(`the code ${error.code}`);
        return outcome;
      }
      const meaning = meaningOf(request);
      if (!meanings.has(meaning)) throw new Violation(`a request verifies that nobody signed: ${meaning}`);
      return "verified, and means the same";
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** What a server would look up. */
function keyOf({ protocol, accessKeyId }: RpcRequest, clientKey: ClientKeyVerifier): SigningSecret | ClientKeyVerifier {
  if (protocol === "RSA_PKCS1_SHA_256") return clientKey;
  return accessKeyId === ACCESS_KEY_ID ? SECRET : ANOTHERS_SECRET;
}

function signedRequests(): SignedRequest[] {
  const call = {
    version: "2016-01-20",
    accessKeyId: ACCESS_KEY_ID,
    secret: SECRET,
    timestampMillis: TIMESTAMP_MILLIS,
    nonce: "3ef48bf5f5e395203b818d9529689c20",
  } as const;
  const encrypt = new Map([
    ["KeyId", "alias/a/b"],
    ["Plaintext", "aGVsbG8 ~*'()!="],
    ["EncryptionContext", '{"tenant":"acme & co","\u00e9":"\u{1F600}"}'],
  ]);
  const tags = new Map([
    ["ResourceType", "key"],
    ["ResourceId.1", "5c438b18-05be-40ad-b6c2-3be6752c3d8f"],
    ["Tag.1.Key", "a"],
    ["Tag.1.Value", ""],
  ]);
  const host = "127.0.0.1:8080";
  const acs3 = { protocol: "ACS3-HMAC-SHA256" } as const;
  const scoped = { region: "center", product: "Kms" };
  return [
    signV1({ ...call, method: "GET", action: "Encrypt", query: encrypt }),
    signV1({ ...call, method: "POST", action: "TagResources", query: tags, form: encrypt }),
    signV1({ ...call, method: "POST", action: "Encrypt", query: encrypt, securityToken: "CAIS token" }),
    signAcs3({ ...call, ...acs3, method: "POST", action: "Encrypt", query: encrypt, host }),
    signAcs3({
      ...call,
      ...acs3,
      method: "POST",
      action: "TagResources",
      query: tags,
      form: encrypt,
      host,
      format: "XML",
    }),
    signAcs3({ ...call, method: "POST", action: "TagResources", form: tags, host, protocol: "ACS3-HMAC-SM3" }),
    signAcs4({ ...call, ...scoped, method: "POST", action: "Encrypt", query: encrypt, host }),
  ];
}
