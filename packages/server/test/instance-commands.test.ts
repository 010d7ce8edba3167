import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CinnabarClient } from "@cinnabar/client";
import { cinnabar, type Ended, SealedOrOpen } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

interface CredentialsFile {
  readonly AccountId: string;
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
}

test("an operator makes instances, changes their quotas and says which is the default one, beside a running server", async (t) => {
  const data = join(await temporaryDirectory(t), "node");
  const settings = [`--data=${data}`];
  await using server = await SealedOrOpen.serve(settings);
  const root = JSON.parse(await readFile(join(data, "root-access-key.json"), "utf8")) as CredentialsFile;
  const { AccountId: account, AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = root;
  const instance = (...words: readonly string[]): Promise<Ended> => cinnabar(["instance", ...words, ...settings]);
  const client = new CinnabarClient({
    endpoint: new URL(server.url),
    credentials: { accessKeyId, accessKeySecret },
  });
  t.after(() => client.close());

  const made = await instance("create", account, "--type", "software", "--name", "payments", "--keys=1", "--json");
  assert.equal(made.code, 0, made.stderr);
  const { instanceId: id } = JSON.parse(made.stdout) as { instanceId: string };
  assert.match(id, /^kst-[a-z0-9]{21}$/);
  await client.call("CreateKey", { DKMSInstanceId: id });
  await assert.rejects(client.call("CreateKey", { DKMSInstanceId: id }), { code: "Rejected.LimitExceeded" });
  const changed = await instance("set", id, "--keys", "2");
  assert.deepEqual([changed.code, changed.stderr], [0, `Changed the quotas of ${id}.\n`]);
  await client.call("CreateKey", { DKMSInstanceId: id });

  const second = await instance("create", account, "--type=software", "--uninitialized");
  const [other = ""] = /kst-[a-z0-9]{21}/.exec(second.stderr) ?? [];
  assert.equal((await client.call("GetDefaultKmsInstance"))["DefaultKmsInstanceId"], id);
  assert.equal((await instance("default", other)).stderr, `${other} is the default instance now.\n`);
  assert.equal((await client.call("GetDefaultKmsInstance"))["DefaultKmsInstanceId"], other);
  const listed = await instance("list", "--json");
  const { instances } = JSON.parse(listed.stdout) as { instances: Readonly<Record<string, unknown>>[] };
  assert.deepEqual(
    instances.map(({ instanceId, name, status, isDefault }) => ({ instanceId, name, status, isDefault })),
    [
      { instanceId: id, name: "payments", status: "Connected", isDefault: false },
      { instanceId: other, name: other, status: "Uninitialized", isDefault: true },
    ],
  );
  assert.match((await instance("list")).stdout, /^INSTANCE +ACCOUNT +TYPE/);

  const refused: readonly (readonly [code: number, said: RegExp, words: readonly string[]])[] = [
    [
      1,
      /A hardware instance needs a keystore in an HSM, and this server has none/,
      ["create", account, "--type=hardware"],
    ],
    [1, /There is no account 1234567890123456\./, ["create", "1234567890123456", "--type=software"]],
    [2, /--type is missing/, ["create", account]],
    [2, /--keys is "many"/, ["create", account, "--type=software", "--keys=many"]],
  ];
  for (const [code, said, words] of refused) {
    const ended = await instance(...words);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, said);
  }
});
