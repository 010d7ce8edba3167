// Run it with `node examples/openapi-core.mjs`, or give it the path of another file with credentials.
// If the server was started with --tls, set NODE_EXTRA_CA_CERTS=data/ca.pem first.
import { readFileSync } from "node:fs";
import core from "@alicloud/openapi-core";

const file = process.argv[2] ?? "data/root-access-key.json";
const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, Endpoint } = JSON.parse(readFileSync(file, "utf8"));
const { protocol, host: endpoint } = new URL(Endpoint);
const config = { endpoint, protocol: protocol.replace(":", ""), accessKeyId, accessKeySecret };
const client = new core.default(new core.$OpenApiUtil.Config(config));

async function call(action, query) {
  const rpc = {
    pathname: "/",
    method: "POST",
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  };
  const params = new core.$OpenApiUtil.Params({ ...rpc, action, version: "2016-01-20" });
  return (await client.callApi(params, new core.$OpenApiUtil.OpenApiRequest({ query }), {})).body;
}

const { KeyMetadata } = await call("CreateKey", { Description: "An example" });
const { KeyId } = KeyMetadata;

const EncryptionContext = JSON.stringify({ tenant: "acme" });
const text = Buffer.from("Hello from openapi-core.").toString("base64");
const { CiphertextBlob } = await call("Encrypt", { KeyId, Plaintext: text, EncryptionContext });
const { Plaintext } = await call("Decrypt", { CiphertextBlob, EncryptionContext });
console.log(Buffer.from(Plaintext, "base64").toString());

await call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: "7" });
