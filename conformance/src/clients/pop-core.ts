import assert from "node:assert/strict";
import PopCore from "@alicloud/pop-core";
import {
  API_VERSION,
  type Body,
  type CallOptions,
  type CallParameters,
  type ClientSetup,
  type OfficialClient,
  type ShownError,
  TIMEOUT_MILLIS,
  toTexts,
} from "../official-client.ts";

interface PopError extends Error {
  readonly code: string;
  readonly data: Body;
  readonly url: string;
  readonly entry: { readonly response: { readonly statusCode: number } };
}

/** @alicloud/pop-core: signature V1, everything in the query or everything in a form. */
export class PopCoreClient implements OfficialClient {
  readonly #setup: ClientSetup;
  readonly #method: "GET" | "POST";
  readonly #client: PopCore;

  constructor(setup: ClientSetup, method: "GET" | "POST") {
    this.#setup = setup;
    this.#method = method;
    this.#client = this.#connect(API_VERSION);
  }

  call(action: string, parameters: CallParameters, { version, timestamp }: CallOptions): Promise<Body> {
    const client = version === undefined ? this.#client : this.#connect(version);
    const texts = { ...toTexts(parameters), ...(timestamp !== undefined && { Timestamp: timestamp }) };
    return client.request<Body>(action, texts, { method: this.#method, timeout: TIMEOUT_MILLIS });
  }

  readError(thrown: unknown): ShownError {
    if (!(thrown instanceof Error) || !("entry" in thrown)) throw thrown;
    const { name, message, code, data, url, entry } = thrown as PopError;
    assert.equal(code, data["Code"]);
    assert.equal(name, `${code}Error`);
    assert.equal(message, `${String(data["Message"])}, URL: ${url}`);
    return { code, status: entry.response.statusCode, body: data };
  }

  #connect(apiVersion: string): PopCore {
    const { endpoint, accessKeyId, accessKeySecret, securityToken } = this.#setup;
    return new PopCore({
      endpoint,
      apiVersion,
      accessKeyId,
      accessKeySecret,
      ...(securityToken !== undefined && { securityToken }),
    });
  }
}
