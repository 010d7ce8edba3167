import { execFile } from "node:child_process";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { Answer } from "@cinnabar/kernel";
import {
  decodeMessage,
  type FieldKind,
  type FieldValue,
  INSTANCE_APIS,
  signInstance,
  type SignedRequest,
} from "@cinnabar/rpc";

type Fields = Readonly<Record<string, unknown>>;

export const PASSWORD = "Passw0rd~!";

/** The operations of the instance protocol that were called and answered. */
export const answeredApis = new Set<string>();

/** What the instance protocol answers: the message's fields, or the error's. */
export interface Reply {
  readonly status: number;
  readonly requestId: string;
  readonly fields: ReadonlyMap<string, FieldValue>;
  /** The error's code; `undefined` of an answer. */
  readonly code: string | undefined;
  /** The key version that a header says. */
  readonly keyVersionId: string | undefined;
}

const ERROR = {
  StatusCode: { number: 1, kind: "int32" },
  ErrorCode: { number: 2, kind: "string" },
  ErrorMessage: { number: 3, kind: "string" },
  RequestId: { number: 4, kind: "string" },
} as const;

/** Where signed requests go. */
interface Sender {
  send(request: SignedRequest, from?: string): Promise<Answer>;
}

/** Somebody of an account who may make what gives access. */
interface Owner {
  call(action: string, parameters: Readonly<Record<string, string>>): Promise<unknown>;
}

const KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser";
export const SECRET_USER = "RbacPermission/Template/CryptoServiceSecretUser";

/** The fields of a request. */
type RequestFields = Readonly<Record<string, FieldValue>>;

/**
 * Every operation of the instance protocol on a symmetric key, of which some fail once they are allowed.
 *
 * @param sealed - a ciphertext of AdvanceEncrypt.
 */
export function callsOnKey(KeyId: string, sealed: Uint8Array): readonly [api: string, fields: RequestFields][] {
  const bytes = Buffer.alloc(32);
  const pair = { KeyId, KeyPairSpec: "EC_P256", KeyFormat: "DER" };
  const pairApis = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"];
  return [
    ["Encrypt", { KeyId, Plaintext: bytes }],
    // Asks for the right to decrypt as well.
    ["Encrypt", { KeyId, Plaintext: bytes, Iv: Buffer.alloc(12) }],
    ["AdvanceEncrypt", { KeyId, Plaintext: bytes }],
    ["Decrypt", { KeyId, CiphertextBlob: bytes, Iv: Buffer.alloc(12) }],
    ["AdvanceDecrypt", { CiphertextBlob: sealed }],
    ["GenerateDataKey", { KeyId }],
    ["AdvanceGenerateDataKey", { KeyId }],
    ...[...pairApis, ...pairApis.map((api) => `Advance${api}`)].map((api): [string, RequestFields] => [api, pair]),
    ["Sign", { KeyId, Message: bytes }],
    ["Verify", { KeyId, Message: bytes, Signature: bytes }],
    ["Hmac", { KeyId, Message: bytes }],
    ["GetPublicKey", { KeyId }],
  ];
}

/** An application with a client key, as its SDK would call. */
export class Application {
  readonly clientKeyId: string;
  readonly privateKey: KeyObject;
  readonly #accounts: Sender;

  constructor(accounts: Sender, { clientKeyId, privateKey }: { clientKeyId: string; privateKey: KeyObject }) {
    this.#accounts = accounts;
    this.clientKeyId = clientKeyId;
    this.privateKey = privateKey;
  }

  /** Makes a client key of an access point and opens it as clients do. */
  static async create(accounts: Sender, owner: Owner, accessPoint: string): Promise<Application> {
    const made = (await owner.call("CreateClientKey", { AapName: accessPoint, Password: PASSWORD })) as Fields;
    const privateKey = await openPkcs12(Buffer.from(String(made["PrivateKeyData"]), "base64"));
    return new Application(accounts, { clientKeyId: String(made["ClientKeyId"]), privateKey });
  }

  /** Makes an access point too, for keys of an instance or of none, which admits calls from some addresses or from everywhere. */
  static async admit(
    accounts: Sender,
    owner: Owner,
    {
      name,
      resources,
      permission = KEY_USER,
      sources,
      instance,
    }: {
      readonly name: string;
      readonly resources: readonly string[];
      readonly permission?: string;
      readonly sources?: readonly string[];
      readonly instance?: string;
    },
  ): Promise<Application> {
    if (sources !== undefined) {
      const rule = { Name: name, Type: "Private", SourcePrivateIp: JSON.stringify(sources) };
      await owner.call("CreateNetworkRule", rule);
    }
    await owner.call("CreatePolicy", {
      Name: name,
      Permissions: JSON.stringify([permission]),
      Resources: JSON.stringify(resources),
      ...(instance !== undefined && { KmsInstance: instance }),
      ...(sources !== undefined && { AccessControlRules: JSON.stringify({ NetworkRules: [name] }) }),
    });
    await owner.call("CreateApplicationAccessPoint", { Name: name, Policies: JSON.stringify([name]) });
    return Application.create(accounts, owner, name);
  }

  async call(
    apiName: string,
    fields: RequestFields,
    {
      from = "127.0.0.1",
      at = Date.now(),
      headers = {},
    }: { readonly from?: string; readonly at?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Reply> {
    const { clientKeyId, privateKey } = this;
    const message = new Map(Object.entries(fields));
    const request = signInstance({ apiName, clientKeyId, privateKey, fields: message, timestampMillis: at, headers });
    return readReply(apiName, await this.#accounts.send(request, from));
  }

  /**
   * Calls with fields as texts, and gives the answer as JSON: bytes are base64 in both. A text that is none is sent as the
   * bytes that it has, and in the place of a number 40.
   */
  async send(
    apiName: string,
    texts: Readonly<Record<string, string>>,
  ): Promise<Omit<Answer, "body"> & { readonly body: string }> {
    const { clientKeyId, privateKey } = this;
    const kinds = INSTANCE_APIS[apiName]?.request ?? {};
    const fields = new Map(Object.entries(texts).map(([name, text]) => [name, toField(text, kinds[name]?.kind)]));
    const request = signInstance({ apiName, clientKeyId, privateKey, fields, timestampMillis: Date.now() });
    const answer = await this.#accounts.send(request);
    const { code, fields: told } = readReply(apiName, answer);
    const entries = [...told].map(([name, value]) => [name, value instanceof Uint8Array ? toBase64(value) : value]);
    return { ...answer, body: JSON.stringify({ ...Object.fromEntries(entries), Code: code }) };
  }
}

function toField(text: string, kind: FieldKind | undefined): FieldValue {
  switch (kind) {
    case "bytes": {
      const bytes = Buffer.from(text, "base64");
      return toBase64(bytes) === text ? bytes : Buffer.from(text);
    }
    case "int32":
      return /^[0-9]+$/.test(text) ? Number(text) : 40;
    case "bool":
      return true;
    case "strings":
      return [text];
    case "string":
    case undefined:
      return text;
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export function readReply(
  apiName: string,
  { status, requestId, body, keyVersionId }: Pick<Answer, "status" | "requestId" | "body" | "keyVersionId">,
): Reply {
  if (typeof body === "string") throw new Error("the answer is no message");
  const api = INSTANCE_APIS[apiName];
  const isError = status !== 200;
  if (!isError) answeredApis.add(apiName);
  if (!isError && api === undefined) throw new Error("there is no such API");
  const fields = decodeMessage(isError || api === undefined ? ERROR : api.response, body);
  const code = isError ? String(fields.get("ErrorCode")) : undefined;
  return { status, requestId, fields, code, keyVersionId };
}

/** The private key of a PKCS #12 file, read by OpenSSL. */
export async function openPkcs12(file: Uint8Array): Promise<KeyObject> {
  const running = promisify(execFile)("openssl", [
    "pkcs12",
    "-legacy",
    "-nodes",
    "-nocerts",
    "-passin",
    `pass:${PASSWORD}`,
  ]);
  running.child.stdin?.end(file);
  return createPrivateKey((await running).stdout);
}
