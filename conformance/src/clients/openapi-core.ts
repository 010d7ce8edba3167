import assert from "node:assert/strict";
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

const { $OpenApiUtil, ClientError, OpenApiUtil, ServerError } = openapi;

interface Wire {
  readonly algorithm: "ACS3-HMAC-SHA256" | "ACS3-HMAC-SM3";
  /** Where the parameters go. */
  readonly place: "query" | "form";
}

/** @alicloud/openapi-core, the core of the newer generated clients: generic calls signed with ACS3. */
export class OpenapiCoreClient implements OfficialClient {
  readonly #client: InstanceType<typeof openapi.default>;
  readonly #place: Wire["place"];

  constructor(setup: ClientSetup, { algorithm, place }: Wire) {
    const { protocol, host } = new URL(setup.endpoint);
    const { accessKeyId, accessKeySecret, securityToken } = setup;
    this.#place = place;
    this.#client = new openapi.default(
      new $OpenApiUtil.Config({
        endpoint: host,
        protocol: protocol.slice(0, -1),
        accessKeyId,
        accessKeySecret,
        securityToken,
        signatureAlgorithm: algorithm,
        readTimeout: TIMEOUT_MILLIS,
        connectTimeout: TIMEOUT_MILLIS,
      }),
    );
  }

  call(action: string, parameters: CallParameters, options: CallOptions): Promise<Body> {
    const texts = toTexts(parameters);
    const sent = this.#place === "query" ? { query: OpenApiUtil.query(texts) } : { body: texts };
    return callRpc(this.#client, { action, sent, options });
  }

  readError(thrown: unknown): ShownError {
    return readCoreError(thrown);
  }
}

/** Calls an operation by the core's one method, as generated clients do. */
export async function callRpc(
  client: InstanceType<typeof openapi.default>,
  {
    action,
    sent,
    options: { version = API_VERSION, timestamp },
  }: {
    readonly action: string;
    readonly sent: { readonly query: Record<string, string> } | { readonly body: object };
    readonly options: CallOptions;
  },
): Promise<Body> {
  const params = new $OpenApiUtil.Params({
    action,
    version,
    protocol: "HTTPS",
    pathname: "/",
    method: "POST",
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  });
  const headers = timestamp === undefined ? {} : { "x-acs-date": timestamp };
  const request = new $OpenApiUtil.OpenApiRequest({ headers, ...sent });
  const response = (await client.callApi(params, request, {} as never)) as { statusCode: number; body: Body };
  assert.equal(response.statusCode, 200);
  return response.body;
}

/** An error of the service as every client on this core shows it. Throws what is none again. */
export function readCoreError(thrown: unknown): ShownError {
  if (!(thrown instanceof ClientError) && !(thrown instanceof ServerError)) throw thrown;
  const { code, statusCode = 0, requestId, message } = thrown;
  const body = thrown.data as Body;
  assert.equal(thrown instanceof ServerError, statusCode >= 500);
  assert.deepEqual(
    { code, requestId, message },
    {
      code: body["Code"],
      requestId: body["RequestId"],
      message: `${code}: code: ${statusCode}, ${String(body["Message"])} request id: ${requestId}`,
    },
  );
  return { code, status: statusCode, body };
}
