import assert from "node:assert/strict";
import type { Deployment } from "../deployment.ts";
import type { Body } from "../official-client.ts";
import { sendBytes } from "../raw-exchange.ts";
import { handSigned, type HandSigned } from "./hand-signed.ts";
import type { RequestShape } from "./request-shape.ts";

const KMS_VERSION = "2016-01-20";

export interface Replayed {
  readonly status: number;
  readonly body: Body;
}

/** Makes calls in the shape of a client that cannot be run here. */
export class Replayer {
  readonly #deployment: Deployment;
  readonly #shape: RequestShape;

  constructor(deployment: Deployment, shape: RequestShape) {
    this.#deployment = deployment;
    this.#shape = shape;
  }

  async attempt(action: string, parameters: Readonly<Record<string, string>> = {}): Promise<Replayed> {
    return this.send(this.sign(action, parameters));
  }

  /** A call that must succeed, without its RequestId. */
  async call(action: string, parameters: Readonly<Record<string, string>> = {}): Promise<Body> {
    const { status, body } = await this.attempt(action, parameters);
    const { RequestId: requestId, ...result } = body;
    assert.equal(status, 200, `${action}: ${JSON.stringify(body)}`);
    assert.equal(typeof requestId, "string");
    // These clients take whatever has a code for an error, whatever the status.
    assert(!("Code" in result));
    return result;
  }

  sign(
    action: string,
    parameters: Readonly<Record<string, string>>,
    accessKeySecret = this.#deployment.server.credentials.accessKeySecret,
  ): HandSigned {
    const { endpoint, credentials } = this.#deployment.server;
    const { accessKeyId } = credentials;
    const call = { host: endpoint.host, action, version: KMS_VERSION, parameters, accessKeyId, accessKeySecret };
    return handSigned(this.#shape, call);
  }

  async send({ bytes }: HandSigned): Promise<Replayed> {
    const { server, ca } = this.#deployment;
    const { status, body } = await sendBytes(bytes, { endpoint: server.endpoint, ca });
    return { status, body: JSON.parse(body) as Body };
  }
}
