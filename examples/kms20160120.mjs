// Run it with `node examples/kms20160120.mjs`, or give it the path of another file with credentials.
// If the server was started with --tls, set NODE_EXTRA_CA_CERTS=data/ca.pem first.
import { readFileSync } from "node:fs";
import kms from "@alicloud/kms20160120";

const file = process.argv[2] ?? "data/root-access-key.json";
const { AccessKeyId, AccessKeySecret, Endpoint } = JSON.parse(readFileSync(file, "utf8"));
const { protocol, host } = new URL(Endpoint);

const client = new kms.default({
  endpoint: host,
  protocol: protocol.replace(":", ""),
  accessKeyId: AccessKeyId,
  accessKeySecret: AccessKeySecret,
});

const { keyMetadata } = await client.createKey(new kms.CreateKeyRequest({ description: "An example" }));
const { keyId } = keyMetadata;

const encryptionContext = { tenant: "acme" };
const text = Buffer.from("Hello from kms20160120.").toString("base64");
const { ciphertextBlob } = await client.encrypt(new kms.EncryptRequest({ keyId, plaintext: text, encryptionContext }));
const { plaintext } = await client.decrypt(new kms.DecryptRequest({ ciphertextBlob, encryptionContext }));
console.log(Buffer.from(plaintext, "base64").toString());

await client.scheduleKeyDeletion(new kms.ScheduleKeyDeletionRequest({ keyId, pendingWindowInDays: 7 }));
