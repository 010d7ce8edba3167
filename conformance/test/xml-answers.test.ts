import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import openapi from "@alicloud/openapi-core";
import { Deployment } from "../src/deployment.ts";
import { API_VERSION, TIMEOUT_MILLIS } from "../src/official-client.ts";

const { $OpenApiUtil, ClientError } = openapi;

let deployment: Deployment;
before(async () => {
  deployment = await Deployment.start({ tls: false });
});
after(() => deployment[Symbol.asyncDispose]());

/** Asks for XML with @alicloud/openapi-core, which gives the text of results and reads errors by itself. */
async function callForXml(
  action: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<{ text: string; contentType: string | undefined; requestId: string | undefined }> {
  const { endpoint, credentials } = deployment.server;
  const client = new openapi.default(
    new $OpenApiUtil.Config({
      ...credentials,
      endpoint: endpoint.host,
      protocol: "http",
      readTimeout: TIMEOUT_MILLIS,
      connectTimeout: TIMEOUT_MILLIS,
    }),
  );
  const params = new $OpenApiUtil.Params({
    action,
    version: API_VERSION,
    protocol: "HTTP",
    pathname: "/",
    method: "POST",
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "string",
  });
  const request = new $OpenApiUtil.OpenApiRequest({ query: { ...parameters, Format: "XML" } });
  const { body, headers } = (await client.callApi(params, request, {} as never)) as {
    body: string;
    headers: Readonly<Record<string, string>>;
  };
  return { text: body, contentType: headers["content-type"], requestId: headers["x-acs-request-id"] };
}

/** The text of an element that occurs once. */
function textOf(xml: string, name: string): string {
  const [match, ...more] = xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"));
  assert(match !== undefined && more.length === 0, `${name} in ${xml}`);
  return match[1] ?? "";
}

test("results are XML where XML is asked for", async () => {
  const created = await callForXml("CreateKey", { Description: "<a & b>" });
  assert.equal(created.contentType, "text/xml;charset=utf-8");
  assert.match(created.text, /^<\?xml version="1\.0" encoding="UTF-8"\?><CreateKeyResponse>.*<\/CreateKeyResponse>$/);
  assert.equal(textOf(created.text, "RequestId"), created.requestId);
  assert.equal(textOf(created.text, "Description"), "&lt;a &amp; b&gt;");
  const keyId = textOf(created.text, "KeyId");

  const { text: listed } = await callForXml("ListKeys");
  assert.match(listed, new RegExp(`<Keys><Key><KeyId>${keyId}</KeyId><KeyArn>[^<]*</KeyArn></Key></Keys>`));
  assert.equal(textOf(listed, "TotalCount"), "1");

  const { text: encrypted } = await callForXml("Encrypt", { KeyId: keyId, Plaintext: "aGVsbG8=" });
  const { text: decrypted } = await callForXml("Decrypt", { CiphertextBlob: textOf(encrypted, "CiphertextBlob") });
  assert.equal(textOf(decrypted, "Plaintext"), "aGVsbG8=");
});

test("errors are XML that the client reads", async () => {
  await assert.rejects(callForXml("DescribeKey", { KeyId: "no-such-key" }), (error) => {
    assert(error instanceof ClientError);
    assert.equal(error.code, "Forbidden.KeyNotFound");
    assert.equal(error.statusCode, 404);
    assert.match(error.message, /The specified Key is not found\. request id: [0-9A-F-]{36}$/);
    return true;
  });
});

test("a plaintext that XML cannot hold is refused, and given as JSON", async () => {
  const { text: created } = await callForXml("CreateKey");
  const { text: encrypted } = await callForXml("Encrypt", { KeyId: textOf(created, "KeyId"), Plaintext: "a\u0001b" });
  await assert.rejects(callForXml("Decrypt", { CiphertextBlob: textOf(encrypted, "CiphertextBlob") }), (error) => {
    assert(error instanceof ClientError);
    assert.equal(error.code, "InvalidParameter");
    assert.match(error.message, /"Format" is not valid\..*Ask for JSON\./);
    return true;
  });
});
