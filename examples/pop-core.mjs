// Run it with `node examples/pop-core.mjs`, or give it the path of another file with credentials.
// If the server was started with --tls, set NODE_EXTRA_CA_CERTS=data/ca.pem first.
import { readFileSync } from "node:fs";
import Core from "@alicloud/pop-core";

const file = process.argv[2] ?? "data/root-access-key.json";
const { AccessKeyId, AccessKeySecret, Endpoint } = JSON.parse(readFileSync(file, "utf8"));

const client = new Core({
  endpoint: Endpoint,
  apiVersion: "2016-01-20",
  accessKeyId: AccessKeyId,
  accessKeySecret: AccessKeySecret,
});
const call = (action, parameters) => client.request(action, parameters, { method: "POST" });

const { KeyMetadata } = await call("CreateKey", { Description: "An example" });
const { KeyId } = KeyMetadata;

const EncryptionContext = JSON.stringify({ tenant: "acme" });
const text = Buffer.from("Hello from pop-core.").toString("base64");
const { CiphertextBlob } = await call("Encrypt", { KeyId, Plaintext: text, EncryptionContext });
const { Plaintext } = await call("Decrypt", { CiphertextBlob, EncryptionContext });
console.log(Buffer.from(Plaintext, "base64").toString());

await call("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
