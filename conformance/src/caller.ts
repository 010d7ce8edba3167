import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Deployment } from "./deployment.ts";
import type { Body, CallOptions, CallParameters, ClientName, ClientSetup, Outcome } from "./official-client.ts";
import { PUBLISHED_ERRORS, type PublishedError } from "./published-errors.ts";
import { captureRequest, type RawAnswer, sendBytes } from "./raw-exchange.ts";

const REQUEST_ID = /^[0-9A-F]{8}-([0-9A-F]{4}-){3}[0-9A-F]{12}$/;
const CONTENT_TYPE = "application/json;charset=utf-8";

/** Somebody who calls a deployment with one official client. Checks of every answer what must hold of all. */
export class Caller {
  readonly deployment: Deployment;
  readonly setup: ClientSetup;

  constructor(deployment: Deployment, setup: ClientSetup) {
    this.deployment = deployment;
    this.setup = setup;
  }

  static asRoot(deployment: Deployment, name: ClientName): Caller {
    const { endpoint, credentials } = deployment.server;
    return new Caller(deployment, { name, endpoint: endpoint.origin, ...credentials });
  }

  /** Somebody with the same client, but other credentials. */
  with(credentials: Partial<Pick<ClientSetup, "accessKeyId" | "accessKeySecret" | "securityToken">>): Caller {
    return new Caller(this.deployment, { ...this.setup, ...credentials });
  }

  /** The same somebody with another client. */
  through(name: ClientName): Caller {
    return new Caller(this.deployment, { ...this.setup, name });
  }

  /** Makes a call that must succeed, and gives the result without its RequestId. */
  async call(action: string, parameters: CallParameters = {}, options: CallOptions = {}): Promise<Body> {
    return (await this.exchange(action, parameters, options)).result;
  }

  /** As `call`, with the local port of the socket that was used. */
  async exchange(
    action: string,
    parameters: CallParameters = {},
    options: CallOptions = {},
  ): Promise<{ result: Body; localPort: number | undefined }> {
    const { body, error, exchange } = await this.attempt(action, parameters, options);
    assert.equal(error, undefined, `${action} failed: ${JSON.stringify(body)}`);
    assert.equal(exchange?.status, 200);
    const { RequestId: _requestId, ...result } = body;
    return { result, localPort: exchange?.localPort };
  }

  /** Makes a call that must fail in the published way, and gives the message. */
  async refused(
    expected: PublishedError,
    action: string,
    parameters: CallParameters = {},
    options: CallOptions = {},
  ): Promise<string> {
    const { body, error, exchange } = await this.attempt(action, parameters, options);
    const [status, published] = PUBLISHED_ERRORS[expected];
    const { Message: message, RequestId, AccessDeniedDetail: _detail, DryRunDetail: _dryRun, ...rest } = body;
    assert.deepEqual(
      { ...error, ...rest },
      {
        code: expected,
        status,
        Code: expected,
        HttpStatus: status,
        HostId: new URL(this.setup.endpoint).host,
      },
    );
    assert.equal(exchange?.status, status);
    assert(typeof message === "string" && message.startsWith(published), `${String(message)} (${String(RequestId)})`);
    return message;
  }

  /** A call's request as this client would send it, unsent. */
  capture(action: string, parameters: CallParameters = {}, options: CallOptions = {}): Promise<Buffer> {
    return captureRequest((endpoint) =>
      this.deployment.clients.call({ setup: { ...this.setup, endpoint }, action, parameters, options }),
    );
  }

  /** Sends a captured request, and notes the call. */
  async send(bytes: Buffer, action: string): Promise<RawAnswer> {
    const { server, ca, ledger } = this.deployment;
    const answer = await sendBytes(bytes, { endpoint: server.endpoint, ca });
    const body = JSON.parse(answer.body) as Body;
    assert.match(answer.head, new RegExp(`^x-acs-request-id: ${String(body["RequestId"])}$`, "m"));
    ledger.note({ action, parameters: {}, body });
    return answer;
  }

  /** A key, and its id. */
  async createKey(parameters: CallParameters = {}): Promise<string> {
    const { KeyMetadata: metadata } = await this.call("CreateKey", parameters);
    return (metadata as { KeyId: string }).KeyId;
  }

  async createAlias(keyId: string): Promise<string> {
    const name = `alias/conformance/${randomUUID()}`;
    await this.call("CreateAlias", { KeyId: keyId, AliasName: name });
    return name;
  }

  /** Makes a call, whatever comes of it. */
  async attempt(action: string, parameters: CallParameters = {}, options: CallOptions = {}): Promise<Outcome> {
    const { setup, deployment } = this;
    const outcome = await deployment.clients.call({ setup, action, parameters, options });
    const { body, exchange } = outcome;
    assert.match(String(body["RequestId"]), REQUEST_ID);
    assert(exchange !== undefined, "no answer has the body's RequestId in its header x-acs-request-id");
    assert.equal(exchange.contentType, CONTENT_TYPE);
    deployment.ledger.note({ action, parameters, body });
    deployment.exercised.note({ client: setup.name, action, version: options.version, outcome });
    return outcome;
  }
}

/** `acs:kms:…` of what belongs to the account, such as `key/<id>` or `alias/<name>`. */
export function arn({ accountId }: { readonly accountId: string }, resource: string): string {
  return `acs:kms:cn-hangzhou:${accountId}:${resource}`;
}
