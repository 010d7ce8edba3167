import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { IdentityProvider } from "@cinnabar/testkit";
import { Caller } from "../src/caller.ts";
import { Deployment } from "../src/deployment.ts";
import { makeFederatedRole } from "../src/scenarios/identity-tokens.ts";
import { makeRole } from "../src/scenarios/sts.ts";

const PROGRAM = fileURLToPath(new URL("../src/credentials-program.ts", import.meta.url));

let deployment: Deployment;
before(async () => {
  deployment = await Deployment.start({ tls: true });
});
after(() => deployment[Symbol.asyncDispose]());

/** Runs the program, and checks that the key that it made was made by a session. @param userName - what its event calls that. */
async function createsKeyAs(userName: RegExp, setup: Readonly<Record<string, string>>): Promise<void> {
  const { host } = deployment.server.endpoint;
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, JSON.stringify({ host, ...setup })], {
    env: { NODE_EXTRA_CA_CERTS: join(deployment.directory, "ca.pem") },
    timeout: 60_000,
  });
  const said = JSON.parse(stdout) as { keyId: string; accessKeyId: string; hasToken: boolean };
  assert.match(said.keyId, /^[0-9a-f-]{36}$/);
  assert.match(said.accessKeyId, /^STS\./);
  assert.equal(said.hasToken, true);
  const created = (await deployment.readCallEvents()).filter(
    ({ eventName, text }) => eventName === "CreateKey" && text.includes(said.keyId),
  );
  assert.equal(created.length, 1);
  assert.match(created[0]?.text ?? "", userName);
}

test("@alicloud/credentials begins the session of a role over https, and KMS's client is served with it", async () => {
  const { user, roleArn } = await makeRole(Caller.asRoot(deployment, "kms20160120"));
  const { accessKeyId, accessKeySecret } = user.setup;
  const setup = { type: "ram_role_arn", accessKeyId, accessKeySecret, roleArn };
  await createsKeyAs(/"userName":"sts-[0-9a-f-]+:credentials"/, setup);
});

test("@alicloud/credentials begins the session of a role with a token in a file, without an AccessKey", async () => {
  await using idp = await IdentityProvider.start();
  const { providerArn: oidcProviderArn, roleArn } = await makeFederatedRole(
    Caller.asRoot(deployment, "kms20160120"),
    idp,
  );
  const oidcTokenFilePath = join(deployment.directory, "token");
  await writeFile(oidcTokenFilePath, await idp.issueToken());
  const setup = { type: "oidc_role_arn", oidcProviderArn, oidcTokenFilePath, roleArn };
  await createsKeyAs(/"userName":"federated:credentials"/, setup);
});
