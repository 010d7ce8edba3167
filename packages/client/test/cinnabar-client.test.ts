import assert from "node:assert/strict";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import {
  assertFresh,
  encodeError,
  encodeResult,
  JSON_CONTENT_TYPE,
  parseRequest,
  readMap,
  type RpcRequest,
  SigningSecret,
  verifySignature,
} from "@cinnabar/rpc";
import { CinnabarClient, type ClientOptions, ServiceError, TransportError } from "../src/index.ts";

const credentials = { accessKeyId: "AK", accessKeySecret: "SK", securityToken: "token" };

interface Reply {
  status?: number;
  text: string;
}

/** Serves verified requests on loopback until the test ends. */
async function serve(t: TestContext, reply: (request: RpcRequest) => Reply | undefined): Promise<URL> {
  const secret = new SigningSecret(credentials.accessKeySecret);
  const server = http.createServer((incoming, outgoing) => {
    void (async () => {
      const { method = "", url = "", headers } = incoming;
      const request = parseRequest({ method, url, headers, body: await buffer(incoming) });
      verifySignature(request, secret);
      assertFresh({ timestampMillis: request.timestampMillis, nowMillis: Date.now() });
      const answer = reply(request);
      if (answer === undefined) return;
      outgoing.writeHead(answer.status ?? 200, { "content-type": JSON_CONTENT_TYPE, "x-acs-request-id": "header-id" });
      outgoing.end(answer.text);
    })().catch((error: unknown) => outgoing.writeHead(500).end(String(error)));
  });
  const { endpoint } = await listen(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return endpoint;
}

async function listen(server: http.Server): Promise<{ server: http.Server; endpoint: URL }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return { server, endpoint: new URL(`http://127.0.0.1:${address.port}`) };
}

function connect(t: TestContext, options: Omit<ClientOptions, "credentials">): CinnabarClient {
  const client = new CinnabarClient({ credentials, ...options });
  t.after(() => client.close());
  return client;
}

test("sends a signed call whose parameters and session token arrive as they are", async (t) => {
  const requests: RpcRequest[] = [];
  const endpoint = await serve(t, (request) => {
    requests.push(request);
    return { text: encodeResult("R", { Value: true }) };
  });
  const client = connect(t, { endpoint });
  const parameters = {
    KeyId: "alias/密 钥&=+%",
    PageSize: 10,
    DryRun: false,
    Left: undefined,
    Big: "é".repeat(50_000),
  };
  assert.deepEqual(await client.call("VerifyMac", parameters), { RequestId: "R", Value: true });
  await client.call("ListUsers", {}, { version: "2015-05-01" });
  const [first, second] = requests;
  assert.equal(first?.protocol, "ACS3-HMAC-SHA256");
  assert.equal(first.action, "VerifyMac");
  assert.equal(first.version, "2016-01-20");
  assert.equal(first.securityToken, "token");
  assert.deepEqual(
    first.parameters,
    new Map([
      ["KeyId", parameters.KeyId],
      ["PageSize", "10"],
      ["DryRun", "false"],
      ["Big", parameters.Big],
    ]),
  );
  assert.equal(second?.version, "2015-05-01");
  assert.notEqual(second.nonce, first.nonce);
});

test("generates a data key and decrypts its ciphertext", async (t) => {
  const key = { KeyId: "k", KeyVersionId: "v" };
  const dataKey = Buffer.alloc(16, 7).toString("base64");
  const endpoint = await serve(t, ({ action, parameters }) => {
    assert.deepEqual(readMap(parameters, "EncryptionContext"), new Map([["tenant", "acme"]]));
    if (action === "Decrypt") {
      assert.equal(parameters.get("CiphertextBlob"), "blob");
      return { text: encodeResult("R", { ...key, Plaintext: dataKey }) };
    }
    assert.equal(parameters.get("NumberOfBytes"), "16");
    return { text: encodeResult("R", { ...key, Plaintext: dataKey, CiphertextBlob: "blob" }) };
  });
  const client = connect(t, { endpoint });
  const encryptionContext = { tenant: "acme" };
  assert.deepEqual(await client.generateDataKey({ keyId: "k", numberOfBytes: 16, encryptionContext }), {
    keyId: "k",
    keyVersionId: "v",
    ciphertextBlob: "blob",
    dataKey: Buffer.alloc(16, 7),
  });
  assert.deepEqual(await client.decrypt({ ciphertextBlob: "blob", encryptionContext }), {
    keyId: "k",
    keyVersionId: "v",
    plaintext: dataKey,
  });
});

test("refuses a data key that is not what was asked for, without repeating it", async (t) => {
  let plaintext = "";
  const endpoint = await serve(t, () => ({
    text: encodeResult("R", { KeyId: "k", KeyVersionId: "v", CiphertextBlob: "b", Plaintext: plaintext }),
  }));
  const client = connect(t, { endpoint });
  for (plaintext of ["c2hvcnQ=", `${"A".repeat(42)}-=`, `${"A".repeat(43)}=\n`, ""]) {
    await assert.rejects(client.generateDataKey({ keyId: "k" }), (error) => {
      assert(error instanceof TransportError);
      assert.equal(error.message, "The answer's data key is not 32 bytes in base64.");
      return true;
    });
  }
});

test("reports what the service refuses, even under HTTP 200", async (t) => {
  let status = 404;
  const endpoint = await serve(t, () => ({
    status,
    text: encodeError({
      requestId: "R",
      hostId: "h",
      code: "Forbidden.KeyNotFound",
      message: "The specified Key is not found.",
      httpStatus: 404,
    }),
  }));
  const client = connect(t, { endpoint });
  for (status of [404, 200]) {
    await assert.rejects(client.decrypt({ ciphertextBlob: "b" }), (error) => {
      assert(error instanceof ServiceError);
      const { code, message, requestId } = error;
      assert.deepEqual(
        { code, message, requestId, status: error.status },
        { code: "Forbidden.KeyNotFound", message: "The specified Key is not found.", requestId: "R", status },
      );
      return true;
    });
  }
});

test("reports an error without a code by its status and the request id of its header", async (t) => {
  const endpoint = await serve(t, () => ({ status: 503, text: "{}" }));
  await assert.rejects(connect(t, { endpoint }).call("ListKeys"), {
    name: "ServiceError",
    code: "Http503",
    status: 503,
    requestId: "header-id",
  });
});

test("takes an answer of another shape for no answer", async (t) => {
  let text = "";
  const endpoint = await serve(t, () => ({ text }));
  const client = connect(t, { endpoint });
  for (text of ["", "<html>", "[]", "null", '"x"']) {
    await assert.rejects(client.call("ListKeys"), { name: "TransportError", message: /HTTP 200 .* JSON object/ });
  }
  text = '{"KeyId":1}';
  await assert.rejects(client.decrypt({ ciphertextBlob: "b" }), {
    name: "TransportError",
    message: /no text in KeyId/,
  });
});

test("gives up on an endpoint that is not there, does not answer in time, or answers without end", async (t) => {
  const endpoint = await serve(t, ({ action }) => (action === "Huge" ? { text: "x".repeat(17 << 20) } : undefined));
  await assert.rejects(connect(t, { endpoint, timeoutMillis: 50 }).call("ListKeys"), {
    name: "TransportError",
    message: `Cannot call ${endpoint.origin}: no answer within 50 ms`,
  });
  await assert.rejects(connect(t, { endpoint }).call("Huge"), { name: "TransportError", message: /longer than/ });
  const { server, endpoint: closed } = await listen(http.createServer());
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(connect(t, { endpoint: closed }).call("ListKeys"), {
    name: "TransportError",
    message: /ECONNREFUSED/,
  });
});

test("says in words that an endpoint of http is none of https", async (t) => {
  const { port } = await serve(t, () => undefined);
  const endpoint = new URL(`https://127.0.0.1:${port}`);
  await assert.rejects(connect(t, { endpoint }).call("ListKeys"), {
    name: "TransportError",
    message: `Cannot call ${endpoint.origin}: it is no endpoint of https, or of another TLS: wrong version number`,
  });
});

test("refuses endpoints with anything but scheme, host and port, and an empty secret", () => {
  for (const endpoint of [
    "ftp://127.0.0.1",
    "http://127.0.0.1/kms",
    "http://user@127.0.0.1",
    "http://127.0.0.1/?a=b",
  ]) {
    assert.throws(() => new CinnabarClient({ credentials, endpoint: new URL(endpoint) }), RangeError);
  }
  const endpoint = new URL("http://127.0.0.1:1");
  assert.throws(
    () => new CinnabarClient({ endpoint, credentials: { ...credentials, accessKeySecret: "" } }),
    RangeError,
  );
});
