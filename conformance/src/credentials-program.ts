import credentials from "@alicloud/credentials";
import kms from "@alicloud/kms20160120";

// A program as users write it: it calls KMS with @alicloud/credentials, which begins the session of a role by itself. Its one
// argument says with what, as JSON; it prints what came of it.

/** What the type of credentials needs beside these stands beside them. */
interface Setup {
  /** `host:port`, https. */
  readonly host: string;
  readonly type: "ram_role_arn" | "oidc_role_arn";
  readonly roleArn: string;
}

const [argument = ""] = process.argv.slice(2);
const { host, ...setup } = JSON.parse(argument) as Setup;
const credential = new credentials.default(
  new credentials.Config({
    ...setup,
    roleSessionName: "credentials",
    stsEndpoint: host,
    timeout: 30_000,
    connectTimeout: 30_000,
  }),
);
const client = new kms.default({ endpoint: host, protocol: "https", credential } as never);
const { keyMetadata } = await client.createKey(new kms.CreateKeyRequest({}));
const { accessKeyId, securityToken } = await credential.getCredential();
process.stdout.write(
  JSON.stringify({ keyId: keyMetadata?.keyId, accessKeyId, hasToken: (securityToken ?? "").length > 0 }),
);
