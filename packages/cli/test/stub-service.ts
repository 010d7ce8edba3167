import { hash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { isDeepStrictEqual } from "node:util";
import { buffer } from "node:stream/consumers";
import {
  encodeError,
  encodeResult,
  JSON_CONTENT_TYPE,
  parseRequest,
  readMap,
  type RpcRequest,
  SigningSecret,
  verifySignature,
} from "@cinnabar/rpc";
import { StubImport } from "./stub-import.ts";
import { getAccessExplanation, listPrincipalsForAction, listPrincipalsWithBothRights } from "./stub-rights.ts";
import { tryPolicy } from "./stub-trial.ts";

export const KEY_ID = "5c438b18-05be-40ad-b6c2-3be6752c3d8f";
const KEY_VERSION_ID = "2ab1a983-7072-4bbc-a582-584b5bd8c42e";

const ACCESS_KEY_ID = "stub-access-key";
const SECRET = "stub-secret";

/** `alias/reports` was used, `alias/damaged` has another report than its hash says, and nobody used any other key. */
function getKeyUsage({ parameters }: RpcRequest): Record<string, unknown> {
  const name = parameters.get("KeyId");
  const report = JSON.stringify({ keyId: KEY_ID, name });
  const answer = {
    KeyId: KEY_ID,
    AsOf: "2026-01-31T12:00:00Z",
    Operations: { Operation: [] },
    KeyVersions: { KeyVersion: [] },
    Principals: { Principal: [] },
    ContextNames: { ContextName: [] },
    Days: { Day: [] },
    UsageReport: report,
    UsageReportHash: name === "alias/damaged" ? "0".repeat(64) : hash("sha256", report, "hex"),
  };
  if (name !== "alias/reports") return answer;
  const uses = (Count: number) => ({ Count, FirstDate: "2026-01-02T03:04:05Z", LastDate: "2026-01-30T00:00:00Z" });
  const caller = { Type: "root-account", AccountId: "1234567890123456", PrincipalId: "1234567890123456" };
  return {
    ...answer,
    Uses: uses(1203),
    Refusals: uses(1),
    Operations: {
      Operation: [
        { Name: "Decrypt", Uses: uses(3), Refusals: uses(1) },
        { Name: "Encrypt", Uses: uses(1200) },
      ],
    },
    KeyVersions: { KeyVersion: [{ KeyVersionId: KEY_VERSION_ID, Uses: uses(1203) }] },
    Principals: { Principal: [{ ...caller, AccessKeyId: "LTAI5tTest", Uses: uses(1203), Refusals: uses(1) }] },
    ContextNames: {
      ContextName: [
        { Name: "tenant", Uses: uses(1200) },
        { Name: "\u001b[2Jall\u202eclear", Uses: uses(1) },
      ],
    },
    OtherContextNames: { Uses: uses(7) },
    Days: {
      Day: [
        { Date: "2026-01-01", Uses: 1000, Refusals: 0 },
        { Date: "2026-01-02", Uses: 200, Refusals: 1 },
        { Date: "2026-01-30", Uses: 3, Refusals: 0 },
      ],
    },
  };
}

function enableDefaultKey({ parameters }: RpcRequest): Record<string, unknown> {
  if (parameters.get("Description") === "second") {
    throw new Refusal("UnsupportedOperation", { status: 400, message: "This action is not supported." });
  }
  const KeyState = parameters.get("Origin") === "EXTERNAL" ? "PendingImport" : "Enabled";
  const AutomaticRotation = parameters.get("EnableAutomaticRotation") === "true" ? "Enabled" : "Disabled";
  return { KeyId: KEY_ID, KeyState, AutomaticRotation };
}

function describeKey({ parameters }: RpcRequest): Record<string, unknown> {
  const KeyId = parameters.get("KeyId") ?? "";
  return { KeyId, KeyState: "Enabled", ...StubImport.describe(KeyId) };
}

class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly dryRunDetail: object | undefined;

  constructor(
    code: string,
    { status, message, dryRunDetail }: { status: number; message: string; dryRunDetail?: object | undefined },
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.dryRunDetail = dryRunDetail;
  }
}

/** The end of a call that would have succeeded; of lifecycle operations with what it would break. */
function dryRunEnd({ action, parameters }: RpcRequest): Refusal {
  const would = "The request would have succeeded, but the DryRun parameter was set.";
  const says = (sentence: string, dryRunDetail?: object) =>
    new Refusal("DryRunOperationError", { status: 400, message: `${would}${sentence}`, dryRunDetail });
  if (action !== "DisableKey") return says("");
  if (parameters.get("KeyId") === "alias/foreign") return says(" Who used the key is told to others.", {});
  const root = { Type: "root-account", AccountId: "1234567890123456", PrincipalId: "1234567890123456" };
  const LastDate = "2026-01-30T00:00:00Z";
  return says(" In the last 30 days the key served 1203 calls of more than 1 callers.", {
    KeyId: KEY_ID,
    Calls: 1203,
    Principals: { Principal: [{ ...root, AccessKeyId: "\u001b[2J", LastDate }], IsTruncated: true },
    Operations: { Operation: [{ Name: "Decrypt", LastDate }] },
    Warnings: { Warning: [{ Code: "SeparationOfDuties", Message: "Somebody could use\u202e and manage it." }] },
  });
}

interface StoredDataKey {
  readonly dataKey: string;
  readonly context: ReadonlyMap<string, string> | undefined;
}

/** A service on loopback with one key, `alias/reports`; it remembers what it was asked. */
export class StubService implements AsyncDisposable {
  readonly requests: RpcRequest[] = [];
  /** Replaces what Decrypt answers. */
  decrypted: string | undefined;
  /** Whether it tries what is sent with DryRun, instead of doing it. */
  knowsDryRuns = true;
  readonly imports = new StubImport();
  readonly #server: http.Server | https.Server;
  readonly #secret = new SigningSecret(SECRET);
  readonly #dataKeys = new Map<string, StoredDataKey>();

  private constructor(tls: { key: string; cert: string } | undefined) {
    const listener = (request: http.IncomingMessage, response: http.ServerResponse) =>
      void this.#answer(request, response);
    this.#server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  }

  static async start({ tls }: { tls?: { key: string; cert: string } } = {}): Promise<StubService> {
    const stub = new StubService(tls);
    await new Promise<void>((resolve) => stub.#server.listen(0, "127.0.0.1", resolve));
    return stub;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the stub is not listening");
    return `${this.#server instanceof https.Server ? "https" : "http"}://127.0.0.1:${address.port}`;
  }

  /** Writes a file as `--credentials` takes it. */
  async writeCredentials(path: string): Promise<void> {
    const content = { AccessKeyId: ACCESS_KEY_ID, AccessKeySecret: SECRET, Endpoint: this.endpoint };
    await writeFile(path, JSON.stringify(content));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = incoming;
    outgoing.setHeader("content-type", JSON_CONTENT_TYPE);
    try {
      const request = parseRequest({ method, url, headers, body: await buffer(incoming) });
      verifySignature(request, this.#secret);
      this.requests.push(request);
      const result = this.#execute(request);
      if (this.knowsDryRuns && request.parameters.get("DryRun") === "true") throw dryRunEnd(request);
      outgoing.end(encodeResult("REQUEST", result));
    } catch (error) {
      const { code = "InternalFailure", status = 500, message, dryRunDetail } = error as Partial<Refusal> & Error;
      outgoing.statusCode = status;
      const said = { code, message, httpStatus: status, dryRunDetail };
      outgoing.end(encodeError({ requestId: "REQUEST", hostId: "stub", ...said }));
    }
  }

  #execute(request: RpcRequest): Record<string, unknown> {
    const key = { KeyId: KEY_ID, KeyVersionId: KEY_VERSION_ID };
    switch (request.action) {
      case "GenerateDataKey":
        return { ...key, ...this.#generateDataKey(request) };
      case "Decrypt":
        return { ...key, ...this.#decrypt(request) };
      case "DescribeRegions":
      case "DisableKey":
        return {};
      case "DescribeKey":
        return { KeyMetadata: describeKey(request) };
      case "GetParametersForImport":
        return this.imports.parameters(request);
      case "ImportKeyMaterial":
        return this.imports.import(request);
      case "CreateKeyVersion":
        return { KeyVersion: key };
      case "LookupEvents":
        return { Events: [], Asked: `${request.version} ${[...request.parameters].join(" ")}` };
      case "EnableDefaultKey":
        return { KeyMetadata: enableDefaultKey(request) };
      case "GetKeyUsage":
        return getKeyUsage(request);
      case "GetAccessExplanation":
        return getAccessExplanation(request);
      case "ListPrincipalsForAction":
        return listPrincipalsForAction(request);
      case "ListPrincipalsWithBothRights":
        return listPrincipalsWithBothRights(request);
      case "TryPolicy":
        return tryPolicy(request);
      default:
        throw new Refusal("InvalidAction.NotFound", { status: 404, message: "Specified api is not found." });
    }
  }

  #generateDataKey({ parameters }: RpcRequest): Record<string, string> {
    if (parameters.get("KeyId") !== "alias/reports") {
      throw new Refusal("Forbidden.KeyNotFound", { status: 404, message: "The specified Key is not found." });
    }
    const dataKey = randomBytes(Number(parameters.get("NumberOfBytes"))).toString("base64");
    const blob = randomBytes(60).toString("base64");
    this.#dataKeys.set(blob, { dataKey, context: readMap(parameters, "EncryptionContext") });
    return { Plaintext: dataKey, CiphertextBlob: blob };
  }

  #decrypt({ parameters }: RpcRequest): Record<string, string> {
    const stored = this.#dataKeys.get(parameters.get("CiphertextBlob") ?? "");
    if (stored === undefined || !isDeepStrictEqual(stored.context, readMap(parameters, "EncryptionContext"))) {
      throw new Refusal("InvalidParameter", { status: 400, message: "The specified parameter is not valid." });
    }
    return { Plaintext: this.decrypted ?? stored.dataKey };
  }
}
