import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Caller } from "../src/caller.ts";
import { Deployment } from "../src/deployment.ts";
import { makeRole } from "../src/scenarios/sts.ts";

const PROGRAM = fileURLToPath(new URL("../src/credentials-program.ts", import.meta.url));

test("@alicloud/credentials begins the session of a role over https, and KMS's client is served with it", async () => {
  await using deployment = await Deployment.start({ tls: true });
  const { user, roleArn } = await makeRole(Caller.asRoot(deployment, "kms20160120"));
  const { accessKeyId, accessKeySecret } = user.setup;
  const { host } = deployment.server.endpoint;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [PROGRAM, JSON.stringify({ host, accessKeyId, accessKeySecret, roleArn })],
    { env: { NODE_EXTRA_CA_CERTS: join(deployment.directory, "ca.pem") }, timeout: 60_000 },
  );
  const said = JSON.parse(stdout) as { keyId: string; accessKeyId: string; hasToken: boolean };
  assert.match(said.keyId, /^[0-9a-f-]{36}$/);
  assert.match(said.accessKeyId, /^STS\./);
  assert.equal(said.hasToken, true);
  const created = (await deployment.readCallEvents()).filter(({ eventName }) => eventName === "CreateKey");
  assert.equal(created.length, 1);
  assert.match(created[0]?.text ?? "", /"userName":"sts-[0-9a-f-]+:credentials"/);
});
