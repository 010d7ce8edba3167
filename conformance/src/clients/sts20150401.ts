import sts from "@alicloud/sts20150401";
import openapi from "@alicloud/openapi-core";
import {
  type Body,
  type CallOptions,
  type CallParameters,
  type ClientSetup,
  type OfficialClient,
  type ShownError,
  TIMEOUT_MILLIS,
} from "../official-client.ts";
import { assertCast, callMethod, toRequest } from "./generated-models.ts";
import { readCoreError } from "./openapi-core.ts";

type CallApi = InstanceType<typeof sts.default>["callApi"];
type DoRequest = InstanceType<typeof sts.default>["doRPCRequest"];

/** Keeps the JSON that answers are cast from. */
class RecordingClient extends sts.default {
  received: Body = {};

  override async callApi(...call: Parameters<CallApi>): ReturnType<CallApi> {
    const response = await super.callApi(...call);
    this.received = response["body"] as Body;
    return response;
  }

  /** The way of calls that are sent without a signature. */
  override async doRPCRequest(...call: Parameters<DoRequest>): ReturnType<DoRequest> {
    const response = await super.doRPCRequest(...call);
    this.received = response["body"] as Body;
    return response;
  }
}

/** @alicloud/sts20150401, the client of STS: its own methods and classes, signed with ACS3 or, where it does so, not at all. */
export class Sts20150401Client implements OfficialClient {
  readonly #config: InstanceType<typeof openapi.$OpenApiUtil.Config>;

  constructor({ endpoint, accessKeyId, accessKeySecret, securityToken }: ClientSetup) {
    const { protocol, host } = new URL(endpoint);
    this.#config = new openapi.$OpenApiUtil.Config({
      endpoint: host,
      protocol: protocol.slice(0, -1),
      accessKeyId,
      accessKeySecret,
      securityToken,
      readTimeout: TIMEOUT_MILLIS,
      connectTimeout: TIMEOUT_MILLIS,
    });
  }

  async call(action: string, parameters: CallParameters, _options: CallOptions): Promise<Body> {
    const client = new RecordingClient(this.#config);
    const request = toRequest(sts, action, parameters);
    if (request === undefined && Object.keys(parameters).length > 0) {
      throw new TypeError(`the client of STS has no class for ${action} with ${Object.keys(parameters).join(", ")}`);
    }
    const response = (await callMethod(client, action, request)) as { readonly body: unknown };
    assertCast(response.body, client.received);
    return client.received;
  }

  isTyped(): boolean {
    return true;
  }

  readError(thrown: unknown): ShownError {
    return readCoreError(thrown);
  }
}
