import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CinnabarClient, ServiceError } from "@cinnabar/client";
import { cinnabar, type Ended, SealedOrOpen } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

interface CredentialsFile {
  readonly AccountId: string;
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
  readonly Endpoint: string;
}

async function readCredentials(path: string): Promise<CredentialsFile> {
  return JSON.parse(await readFile(path, "utf8")) as CredentialsFile;
}

test("an operator enables, lists, rotates and disables services beside a running server", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "node");
  const settings = [`--data=${data}`];
  await using server = await SealedOrOpen.serve(settings);
  const { AccountId: account } = await readCredentials(join(data, "root-access-key.json"));
  const service = (...words: readonly string[]): Promise<Ended> => cinnabar(["service", ...words, ...settings]);
  const seal = async ({ AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, Endpoint }: CredentialsFile) => {
    const client = new CinnabarClient({ endpoint: new URL(Endpoint), credentials: { accessKeyId, accessKeySecret } });
    try {
      await client.call("GenerateDataKey", { KeyId: `acs:kms:cn-hangzhou:${account}:alias/acs/oss` });
      return "no error";
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return error.code;
    } finally {
      client.close();
    }
  };

  const path = join(folder, "oss.json");
  const enabled = await service("enable", "oss", "-o", path);
  const first = await readCredentials(path);
  assert.deepEqual([enabled.code, enabled.stdout], [0, ""]);
  assert.equal(
    enabled.stderr,
    `Enabled the service oss with the AccessKey ${first.AccessKeyId}. Its secret is in ${path}.\n`,
  );
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await seal(first), "no error");

  const again = await service("enable", "oss", "-o", join(folder, "none.json"));
  assert.match(again.stderr, /^The service oss was enabled already\. .*cinnabar service rotate oss makes another\.\n$/);
  await assert.rejects(stat(join(folder, "none.json")), { code: "ENOENT" });

  const second = JSON.parse((await service("rotate", "oss")).stdout) as CredentialsFile;
  const { services } = JSON.parse((await service("list", "--json")).stdout) as {
    services: readonly Readonly<Record<string, unknown>>[];
  };
  const [oss, ...others] = services;
  assert.deepEqual([others, oss?.["service"], oss?.["principal"]], [[], "oss", "oss.aliyuncs.com"]);
  assert.deepEqual([oss?.["status"], oss?.["accountId"]], ["Enabled", first.AccountId]);
  const keys = oss?.["accessKeys"] as readonly { readonly accessKeyId: string; readonly status: string }[];
  assert.deepEqual(
    keys.map(({ accessKeyId, status }) => [accessKeyId, status]),
    [first, second].map(({ AccessKeyId }) => [AccessKeyId, "Active"]),
  );
  const full = await service("rotate", "oss", "-o", join(folder, "third.json"));
  assert.match(full.stderr, /has 2 AccessKeys and may have no more/);
  await assert.rejects(stat(join(folder, "third.json")), { code: "ENOENT" });
  assert.equal((await cinnabar(["access-key", "disable", first.AccessKeyId, ...settings])).code, 0);
  assert.deepEqual([await seal(first), await seal(second)], ["InvalidAccessKeyId.Inactive", "no error"]);
  assert.equal((await cinnabar(["access-key", "delete", first.AccessKeyId, ...settings])).code, 0);
  assert.match(
    (await service("list")).stdout,
    /^SERVICE +STATUS +CREATED +ACCESSKEYS\noss +Enabled +\S+ +LTAI5t\S+\n$/,
  );

  assert.deepEqual(JSON.parse((await service("disable", "oss", "--json")).stdout), {
    service: "oss",
    status: "Disabled",
    changed: true,
  });
  assert.equal(await seal(second), "InvalidAccessKeyId.Inactive");
  assert.equal((await service("disable", "oss")).stderr, "The service oss was disabled already.\n");
  assert.match((await service("enable", "oss")).stderr, /^Enabled the service oss again\./);
  assert.equal(await seal(second), "no error");

  // Accounts' commands know nothing of services.
  for (const command of ["account", "access-key"]) {
    const { stdout } = await cinnabar([command, "list", ...settings]);
    assert.ok(stdout.includes(account) && !stdout.includes(first.AccountId), command);
  }
  const refusals: readonly (readonly [code: number, words: readonly string[], said: RegExp])[] = [
    [2, ["enable", "s3"], /"s3" is not a service\. These are: actiontrail, .*, oss, /],
    [2, ["enable"], /The service's name is missing/],
    [2, ["rotate", "constructor"], /"constructor" is not a service/],
    [1, ["disable", "rds"], /The service rds was never enabled\./],
    [1, ["rotate", "rds"], /The service rds was never enabled\./],
  ];
  for (const [code, words, said] of refusals) {
    const ended = await service(...words);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], words.join(" "));
    assert.match(ended.stderr, said);
  }
  const asAccount = await cinnabar(["account", "disable", first.AccountId, ...settings]);
  assert.match(asAccount.stderr, /is the service oss, which cinnabar service looks after, and no account\./);
  assert.equal(await server.stop(), 0);
});
