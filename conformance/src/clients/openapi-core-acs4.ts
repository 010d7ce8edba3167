import assert from "node:assert/strict";
import Gateway from "@alicloud/gateway-pop";
import openapi from "@alicloud/openapi-core";
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
import { callRpc } from "./openapi-core.ts";

const { $OpenApiUtil, OpenApiUtil } = openapi;

interface GatewayError extends Error {
  readonly code: string;
  readonly statusCode: number;
  readonly data: Body;
}

/** What each version is of, as its generated client says. */
const PRODUCTS: Readonly<Record<string, string>> = {
  "2015-05-01": "Ram",
  "2020-07-06": "Actiontrail",
  "2020-01-10": "ResourceSharing",
};

/**
 * @alicloud/openapi-core with @alicloud/gateway-pop, set up as the generated KMS client 3 does for its signature version
 * v4: signed with ACS4, with keys that have passed through text.
 */
export class OpenapiCoreAcs4Client implements OfficialClient {
  readonly #setup: ClientSetup;
  /** One for each product, as each has a generated client of its own. */
  readonly #clients = new Map<string, InstanceType<typeof openapi.default>>();

  constructor(setup: ClientSetup) {
    this.#setup = setup;
  }

  #clientFor(product: string): InstanceType<typeof openapi.default> {
    let client = this.#clients.get(product);
    if (client === undefined) this.#clients.set(product, (client = newClient(product, this.#setup)));
    return client;
  }

  call(action: string, parameters: CallParameters, options: CallOptions): Promise<Body> {
    const client = this.#clientFor(PRODUCTS[options.version ?? API_VERSION] ?? "Kms");
    return callRpc(client, { action, sent: { query: OpenApiUtil.query(toTexts(parameters)) }, options });
  }

  readError(thrown: unknown): ShownError {
    if (!(thrown instanceof Error) || !("data" in thrown)) throw thrown;
    const { code, statusCode, message, data } = thrown as GatewayError;
    // The client adds the status to the body that it shows.
    const { statusCode: shownStatus, ...body } = data;
    assert.deepEqual(
      { code, shownStatus, message },
      {
        code: body["Code"],
        shownStatus: statusCode,
        message: `${code}: code: ${statusCode}, ${String(body["Message"])} request id: ${String(body["RequestId"])}`,
      },
    );
    return { code, status: statusCode, body };
  }
}

function newClient(
  product: string,
  { endpoint, accessKeyId, accessKeySecret, securityToken }: ClientSetup,
): InstanceType<typeof openapi.default> {
  const { protocol, host } = new URL(endpoint);
  const client = new openapi.default(
    new $OpenApiUtil.Config({
      endpoint: host,
      protocol: protocol.slice(0, -1),
      accessKeyId,
      accessKeySecret,
      securityToken,
      signatureVersion: "v4",
      readTimeout: TIMEOUT_MILLIS,
      connectTimeout: TIMEOUT_MILLIS,
    }),
  );
  // oxlint-disable-next-line no-underscore-dangle -- generated clients set it, and nothing else can
  client._productId = product;
  client.setGatewayClient(new Gateway.default());
  return client;
}
