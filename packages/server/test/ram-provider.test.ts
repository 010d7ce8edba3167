import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ensureServerCertificate } from "../src/tls/own-ca.ts";
import { cinnabar, type Ended, SealedOrOpen } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const ISSUER = "https://gitlab.example.com/group";

test("an operator registers, lists and deletes providers beside a running server", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "node");
  const settings = [`--data=${data}`];
  await using server = await SealedOrOpen.serve(settings);
  const credentials = await readFile(join(data, "root-access-key.json"), "utf8");
  const { AccountId: account } = JSON.parse(credentials) as { AccountId: string };
  const provider = (...words: readonly string[]): Promise<Ended> =>
    cinnabar(["ram", "provider", ...words, ...settings]);
  const { caFile } = await ensureServerCertificate({ directory: folder, names: ["localhost"], now: Date.now() });

  const created = await provider("create", account, "ci", "--issuer", ISSUER, "--client-id=kms,other", "--ca", caFile);
  assert.deepEqual([created.code, created.stdout], [0, ""]);
  assert.equal(created.stderr, `Registered the provider acs:ram::${account}:oidc-provider/ci.\n`);
  const again = await provider("create", account, "b", "--issuer", ISSUER, "--client-id", "kms", "--json");
  assert.deepEqual(JSON.parse(again.stdout), {
    accountId: account,
    name: "b",
    arn: `acs:ram::${account}:oidc-provider/b`,
  });
  const listed = await provider("list", account, "--json");
  const { providers } = JSON.parse(listed.stdout) as { providers: readonly Readonly<Record<string, unknown>>[] };
  const [second, { createdAt, ...first } = {}] = providers;
  assert.equal(second?.["name"], "b");
  assert.match(String(createdAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(first, {
    accountId: account,
    name: "ci",
    issuer: ISSUER,
    clientIds: ["kms", "other"],
    ca: await readFile(caFile, "utf8"),
    allowsLocalAddresses: false,
  });
  assert.match((await provider("list")).stdout, /^ACCOUNT +NAME +ISSUER +CLIENT IDS +CREATED\n/);

  const damaged = join(folder, "damaged.pem");
  await writeFile(damaged, "no certificate");
  const good = ["--issuer", ISSUER, "--client-id", "kms"];
  const refusals: readonly (readonly [code: number, words: readonly string[], said: RegExp])[] = [
    [1, ["create", account, "ci", ...good], /has a provider ci already/],
    [1, ["create", "1000000000000000", "ci", ...good], /There is no account 1000000000000000\./],
    [1, ["create", account, "a/b", ...good], /A provider's name is/],
    [1, ["create", account, "c", "--issuer", "http://x", "--client-id", "kms"], /begins with https/],
    [1, ["create", account, "c", ...good, "--ca", damaged], /must be certificates in PEM/],
    [1, ["create", account, "c", ...good, "--ca", join(folder, "none")], /cannot be read/],
    [2, ["create", account, "c", "--issuer", ISSUER], /--client-id is missing/],
    [2, ["create", account], /The provider's name is missing/],
    [2, ["create", "12", "c", ...good], /"12" is not an account/],
    [1, ["delete", account, "none"], /has no provider none\./],
    [1, ["list", "1000000000000000"], /There is no account/],
  ];
  for (const [code, words, said] of refusals) {
    const ended = await provider(...words);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], words.join(" "));
    assert.match(ended.stderr, said);
  }

  const deleted = await provider("delete", account, "ci");
  assert.match(deleted.stderr, /^Deleted the provider ci of the account \d{16}: its sessions have ended\.\n$/);
  assert.doesNotMatch((await provider("list", account)).stdout, / ci /);
  assert.equal(await server.stop(), 0);
});
