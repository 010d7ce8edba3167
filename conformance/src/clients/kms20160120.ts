import assert from "node:assert/strict";
import kms from "@alicloud/kms20160120";
import {
  API_VERSION,
  type Body,
  type CallOptions,
  type CallParameters,
  type ClientSetup,
  type OfficialClient,
  type ShownError,
  TIMEOUT_MILLIS,
} from "../official-client.ts";
import { assertCast, callMethod, toRequest } from "./generated-models.ts";

interface TeaError extends Error {
  readonly code: string;
  readonly data: Body;
}

/** As the client's README gives it; its type asks for a class of another package. */
type Config = ConstructorParameters<typeof kms.default>[0];

/** What the client's own methods give for it, though its type has no word for that. */
const NO_BODY = null as never;

/** Keeps the JSON that answers are cast from. */
class RecordingClient extends kms.default {
  received: Body = {};

  override async doRequest(...request: Parameters<InstanceType<typeof kms.default>["doRequest"]>): Promise<Body> {
    this.received = await super.doRequest(...request);
    return this.received;
  }
}

/** @alicloud/kms20160120: signature V1, everything in the query of a POST, maps flattened. */
export class Kms20160120Client implements OfficialClient {
  readonly #config: Config;

  constructor({ endpoint, accessKeyId, accessKeySecret, securityToken }: ClientSetup) {
    const { protocol, host } = new URL(endpoint);
    this.#config = {
      endpoint: host,
      protocol: protocol.slice(0, -1),
      accessKeyId,
      accessKeySecret,
      securityToken,
      readTimeout: TIMEOUT_MILLIS,
      connectTimeout: TIMEOUT_MILLIS,
    } as unknown as Config;
  }

  /** By the operation's method and its request class; what that does not know, by the method beneath. */
  async call(action: string, parameters: CallParameters, options: CallOptions): Promise<Body> {
    const client = new RecordingClient(this.#config);
    const request = requestOf(action, parameters, options);
    if (request === undefined) {
      const { version = API_VERSION, timestamp } = options;
      const query = { ...parameters, ...(timestamp !== undefined && { Timestamp: timestamp }) };
      return client.doRequest(action, "HTTPS", "POST", version, "AK", query, NO_BODY, {} as never);
    }
    const response = await callMethod(client, action, request);
    assertCast(response, client.received);
    return client.received;
  }

  isTyped(action: string, parameters: CallParameters, options: CallOptions): boolean {
    return requestOf(action, parameters, options) !== undefined;
  }

  readError(thrown: unknown): ShownError {
    if (!(thrown instanceof Error) || !("data" in thrown)) throw thrown;
    const { code, data, message } = thrown as TeaError;
    const [, shownCode, status, text, requestId] =
      /^(\S+): code: ([0-9]{3}), (.*) requestid: (\S+)$/s.exec(message) ?? [];
    assert.deepEqual(
      { code, shownCode, text, requestId },
      {
        code: `${String(data["Code"])}Error`,
        shownCode: code,
        text: data["Message"],
        requestId: data["RequestId"],
      },
    );
    return { code: code.slice(0, -"Error".length), status: Number(status), body: data };
  }
}

/** `undefined` where the client's classes cannot say it. */
function requestOf(action: string, parameters: CallParameters, { timestamp, version }: CallOptions) {
  return (timestamp ?? version) === undefined ? toRequest(kms, action, parameters) : undefined;
}
