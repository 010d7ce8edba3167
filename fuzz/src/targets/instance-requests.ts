import { createPrivateKey, createPublicKey } from "node:crypto";
import {
  ClientKeyVerifier,
  type FieldValue,
  parseRequest,
  readMessage,
  type RpcRequest,
  type SignedRequest,
  signInstance,
  SigningSecret,
  verifySignature,
  WIRE_ERROR_CODES,
  WireError,
} from "@cinnabar/rpc";
import { type Target, type TargetDeclaration, Violation } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";
import { fixedRsaKey } from "./fixed-rsa-key.ts";
import { decodeRequest, encodeRequest, meaningOf } from "./request-bytes.ts";

const CODES: ReadonlySet<string> = new Set(WIRE_ERROR_CODES);
const CLIENT_KEY_ID = "KAAP.5c438b18-05be-40ad-b6c2-3be6752c3d8f";
const TIMESTAMP_MILLIS = Date.UTC(2026, 10, 22);
/** What a server would look up for another protocol, which mutations may turn a request into. */
const SECRET = new SigningSecret("the secret of nobody's access key");

const CALLS: readonly (readonly [apiName: string, fields: Readonly<Record<string, FieldValue>>])[] = [
  ["Encrypt", { KeyId: "alias/a/b", Plaintext: Buffer.from("hello"), Aad: Buffer.from([0, 255]) }],
  ["Decrypt", { KeyId: "alias/a/b", CiphertextBlob: Buffer.alloc(21, 7), Iv: Buffer.alloc(12, 1) }],
  ["GenerateDataKey", { KeyId: "alias/a/b", NumberOfBytes: 32 }],
  ["Verify", { KeyId: "5c438b18-05be-40ad-b6c2-3be6752c3d8f", Message: Buffer.from("m"), Signature: Buffer.alloc(64) }],
  ["GetSecretValue", { SecretName: "name \u00e9", FetchExtendedConfig: true }],
];

/** Requests of the instance protocol, signed with a client key. What still verifies must mean what was signed. */
export const instanceRequestsTarget: TargetDeclaration = {
  name: "instance-requests",
  what: "signed requests of the instance protocol, read and verified in process",
  group: "process",
  weight: 80,
  open: () => Promise.resolve(open()),
};

/** Requests signed with the client key of these tests. */
export function signedInstanceRequests(): readonly SignedRequest[] {
  const privateKey = createPrivateKey({ key: fixedRsaKey, format: "der", type: "pkcs8" });
  const call = { clientKeyId: CLIENT_KEY_ID, privateKey, timestampMillis: TIMESTAMP_MILLIS };
  return CALLS.map(([apiName, fields]) => signInstance({ ...call, apiName, fields: new Map(Object.entries(fields)) }));
}

/** Verifies what is signed with that key. */
export function clientKeyVerifier(): ClientKeyVerifier {
  const publicKey = createPublicKey(createPrivateKey({ key: fixedRsaKey, format: "der", type: "pkcs8" }));
  return new ClientKeyVerifier(publicKey.export({ format: "der", type: "spki" }));
}

function open(): Target {
  const verifier = clientKeyVerifier();
  const seeds = signedInstanceRequests().map(encodeRequest);
  const meanings = new Set(seeds.map((seed) => meaningOf(readMessage(parseRequest(decodeRequest(seed))))));
  return {
    seeds,
    attempt(input) {
      let request: RpcRequest;
      try {
        request = parseRequest(decodeRequest(input));
        verifySignature(request, request.protocol === "RSA_PKCS1_SHA_256" ? verifier : SECRET);
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
