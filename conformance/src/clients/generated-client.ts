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

type Config = InstanceType<typeof openapi.$OpenApiUtil.Config>;
type Core = InstanceType<typeof openapi.default>;

/** What a package of a generated client exports. */
interface GeneratedPackage {
  readonly default: new (config: Config) => Core;
}

/**
 * A client of one product that is generated on @alicloud/openapi-core: its own methods and classes, signed with ACS3 or,
 * where an operation is called so, not at all.
 */
export class GeneratedClient implements OfficialClient {
  readonly #package: GeneratedPackage;
  readonly #config: Config;

  constructor({ endpoint, accessKeyId, accessKeySecret, securityToken }: ClientSetup, generated: GeneratedPackage) {
    const { protocol, host } = new URL(endpoint);
    this.#package = generated;
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
    const request = toRequest(this.#package, action, parameters);
    if (request === undefined && Object.keys(parameters).length > 0) {
      throw new TypeError(`the client has no class for ${action} with ${Object.keys(parameters).join(", ")}`);
    }
    const client = new this.#package.default(this.#config);
    const received = recordBody(client);
    const response = (await callMethod(client, action, request)) as { readonly body: unknown };
    assertCast(response.body, received());
    return received();
  }

  isTyped(): boolean {
    return true;
  }

  readError(thrown: unknown): ShownError {
    return readCoreError(thrown);
  }
}

/** Keeps the JSON that the client's answer is cast from, whether the call is signed or not. */
function recordBody(client: Core): () => Body {
  let body: Body = {};
  for (const send of ["callApi", "doRPCRequest"] as const) {
    const method = client[send].bind(client) as (...call: unknown[]) => Promise<Readonly<Record<string, unknown>>>;
    client[send] = async (...call: unknown[]) => {
      const response = await method(...call);
      body = response["body"] as Body;
      return response;
    };
  }
  return () => body;
}
