import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ClientProcess } from "../src/client-process.ts";
import { CLIENT_NAMES } from "../src/official-client.ts";
import { captureRequest } from "../src/raw-exchange.ts";

/** What makes each client worth a run of its own. */
const FORMS: Readonly<Record<(typeof CLIENT_NAMES)[number], readonly RegExp[]>> = {
  kms20160120: [
    /^POST \/\?Action=Encrypt&.*&EncryptionContext\.tenant=acme&.*&Signature=.* HTTP/,
    /^content-length: 0\r$/im,
    /\r\n\r\n$/,
  ],
  "pop-core GET": [/^GET \/\?.*&EncryptionContext=%7B%22tenant%22%3A%22acme%22%7D&.*&Signature=.* HTTP/, /\r\n\r\n$/],
  "pop-core POST": [
    /^POST \/ HTTP/,
    /^content-type: application\/x-www-form-urlencoded\r$/im,
    /\r\n\r\n.*&EncryptionContext=%7B%22tenant%22%3A%22acme%22%7D&.*&Signature=.*$/,
  ],
  "openapi-core": [
    /^POST \/\?.*EncryptionContext=%7B%22tenant%22%3A%22acme%22%7D.* HTTP/,
    /^authorization: ACS3-HMAC-SHA256 Credential=AK,/im,
    /\r\n\r\n$/,
  ],
  "openapi-core form": [
    /^POST \/ HTTP/,
    /^authorization: ACS3-HMAC-SHA256 Credential=AK,/im,
    /^transfer-encoding: chunked\r$/im,
    /EncryptionContext=%7B%22tenant%22%3A%22acme%22%7D/,
  ],
  "openapi-core SM3": [/^POST \/\?.* HTTP/, /^authorization: ACS3-HMAC-SM3 Credential=AK,/im, /\r\n\r\n$/],
  "openapi-core ACS4": [
    /^POST \/\?.*EncryptionContext=%7B%22tenant%22%3A%22acme%22%7D.* HTTP/,
    /^authorization: ACS4-HMAC-SHA256 Credential=AK\/[0-9]{8}\/center\/Kms\/aliyun_v4_request,SignedHeaders=/im,
    /\r\n\r\n$/,
  ],
};

let clients: ClientProcess;
before(() => {
  clients = new ClientProcess(undefined);
});
after(() => clients[Symbol.asyncDispose]());

for (const name of CLIENT_NAMES) {
  test(`${name} sends what it is here for`, async () => {
    const request = await captureRequest((endpoint) =>
      clients.call({
        setup: { name, endpoint, accessKeyId: "AK", accessKeySecret: "SK" },
        action: "Encrypt",
        parameters: { KeyId: "k", Plaintext: "cGxhaW50ZXh0", EncryptionContext: { tenant: "acme" } },
        options: {},
      }),
    );
    for (const form of FORMS[name]) assert.match(request.toString("latin1"), form);
  });
}
