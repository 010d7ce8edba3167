import assert from "node:assert/strict";
import { chmod, copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { cinnabar, clientOf, SealedOrOpen } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const PASSPHRASE = "correct horse battery";
const SHARE = /cinnabar-share-v1-\S+/g;

async function assertServes(server: SealedOrOpen, data: string): Promise<void> {
  const client = await clientOf(server, data);
  assert.equal(typeof (await client.call("CreateKey"))["KeyMetadata"], "object");
  client.close();
}

async function ok(args: readonly string[], given: Parameters<typeof cinnabar>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await cinnabar(args, given);
  assert.equal(code, 0, stderr);
  return stdout + stderr;
}

/** The check value that the first lines of a sealed root key say. */
async function sealedKey(path: string): Promise<string | undefined> {
  return /"rootKey": "([^"]+)"/.exec(await readFile(path, "latin1"))?.[1];
}

test("under a passphrase the new root key opens with the same one, beside a running server", async (t) => {
  const data = await temporaryDirectory(t);
  const settings = ["--data", data, "--seal=passphrase", "--unseal-from=fd:0"];
  await using server = await SealedOrOpen.serve(settings, { input: PASSPHRASE });
  await assertServes(server, data);
  const first = await sealedKey(join(data, "root.sealed"));
  const wrong = await cinnabar(["root-key", "rotate", ...settings], { input: "incorrect horse battery" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /passphrase is not the one/);
  const json = await ok(["root-key", "rotate", "--json", ...settings], { input: PASSPHRASE });
  const { before, rootKey, kept } = JSON.parse(json) as Record<string, string>;
  assert.equal(before, first);
  assert.equal(await sealedKey(join(data, "root.sealed")), rootKey);
  assert.equal(kept, join(data, `root.sealed.${first}`));
  assert.doesNotMatch(json, /horse/);
  await assertServes(server, data);
  assert.equal(await server.stop(), 0);
  await using again = await SealedOrOpen.serve(settings, { input: PASSPHRASE });
  await assertServes(again, data);
  assert.equal(await again.stop(), 0);
});

test("under shares the new root key opens with the same shares, and a sealed server takes them", async (t) => {
  const data = await temporaryDirectory(t);
  const shares = (await ok(["init", "--data", data, "--seal=shamir:2of3"])).match(SHARE) ?? [];
  const settings = ["--data", data, "--seal=shamir"];
  const given = { input: `${shares[0]}\n${shares[1]}\n` };
  const said = await ok(["root-key", "rotate", ...settings, "--unseal-from=fd:0"], given);
  assert.doesNotMatch(said, SHARE, "nothing new is handed out");
  // As a run that was killed after the store's commit leaves it.
  const [old = ""] = (await readdir(data)).filter((name) => name.startsWith("root.sealed."));
  await copyFile(join(data, "root.sealed"), join(data, "root.sealed.next"));
  await copyFile(join(data, old), join(data, "root.sealed"));

  await using server = await SealedOrOpen.serve(settings);
  for (const share of shares.slice(1)) {
    await ok(["unseal", "--admin-listen", server.adminListen, "--unseal-from=fd:0"], { input: `${share}\n` });
  }
  await server.until(/^Cinnabar is ready\./m);
  await assertServes(server, data);
  assert.match(server.output, /A rotation of the root key had been interrupted/);
  assert.equal(await server.stop(), 0);
  assert.deepEqual((await readdir(data)).filter((name) => name.startsWith("root.sealed")).toSorted(), [
    "root.sealed",
    old,
  ]);
});

test("under a key of another Cinnabar the new root key is sealed by it anew, and asks nobody", async (t) => {
  const folder = await temporaryDirectory(t);
  const [outer, data] = [join(folder, "outer"), join(folder, "data")];
  await using service = await SealedOrOpen.serve(["--data", outer]);
  const client = await clientOf(service, outer);
  const { KeyId } = (await client.call("CreateKey"))["KeyMetadata"] as { KeyId: string };
  client.close();
  const { AccessKeyId, AccessKeySecret } = JSON.parse(
    await readFile(join(outer, "root-access-key.json"), "utf8"),
  ) as Record<string, string>;
  const settings = join(folder, "kms.json");
  await writeFile(settings, JSON.stringify({ Endpoint: service.url, KeyId, AccessKeyId, AccessKeySecret }), {
    mode: 0o600,
  });
  const seal = ["--data", data, "--seal", `kms:${settings}`];
  await ok(["init", ...seal]);
  await ok(["root-key", "rotate", "--remove-old", ...seal]);
  assert.deepEqual(
    (await readdir(data)).filter((name) => name.startsWith("root.sealed")),
    ["root.sealed"],
  );
  await using server = await SealedOrOpen.serve(seal);
  await assertServes(server, data);
  assert.equal(await server.stop(), 0);
});

test("where others keep the root key, the new one is put into a file to hand over", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "data");
  const [old, next] = [join(folder, "old"), join(folder, "next")];
  await ok(["init", "--data", data, "--seal", `file:${old}`]);
  await chmod(old, 0o444);
  const seal = ["--data", data, "--seal=env:ROOT_KEY_FILE"];
  const refused = await cinnabar(["root-key", "rotate", ...seal], { environment: { ROOT_KEY_FILE: old } });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Only whoever keeps env ROOT_KEY_FILE .* --to file:PATH/);
  const said = await ok(["root-key", "rotate", ...seal, "--to", `file:${next}`], {
    environment: { ROOT_KEY_FILE: old },
  });
  assert.match(said, /The old one is in env ROOT_KEY_FILE/);
  const late = await cinnabar(["serve", ...seal], { environment: { ROOT_KEY_FILE: old } });
  assert.equal(late.code, 1);
  assert.match(late.stderr, /sealed under the root key \S+, but the one in env ROOT_KEY_FILE is \S+/);
  await using server = await SealedOrOpen.serve(seal, { environment: { ROOT_KEY_FILE: next } });
  await assertServes(server, data);
  assert.equal(await server.stop(), 0);
});

test("a root key that an interrupted migration was writing does not outlast the next start", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "data");
  await ok(["init", "--data", data]);
  const left = join(data, ".other.key.0123456789abcdef");
  const unrelated = join(data, ".other.json.0123456789abcdef");
  await copyFile(join(data, "root.key"), left);
  await writeFile(unrelated, "{}");
  await using server = await SealedOrOpen.serve(["--data", data]);
  await server.until(/held a root key that an interrupted process was writing/);
  assert.equal(await server.stop(), 0);
  const names = await readdir(data);
  assert.ok(!names.includes(".other.key.0123456789abcdef"));
  assert.ok(names.includes(".other.json.0123456789abcdef"), "what is not a root key is left alone");

  await copyFile(join(data, "root.key"), left);
  await ok(["seal", "migrate", "--data", data, "--to", `file:${join(data, "other.key")}`]);
  assert.ok(!(await readdir(data)).some((name) => name.startsWith(".other.key")));
});

test("a migration names the root keys that rotations have kept, and so does every start while they lie beside the data", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "data");
  await ok(["init", "--data", data]);
  const { kept = "" } = JSON.parse(await ok(["root-key", "rotate", "--json", "--data", data])) as Record<
    string,
    string
  >;
  const to = `file:${join(folder, "root.key")}`;
  const said = await ok(["seal", "migrate", "--data", data, "--to", to]);
  assert.ok(said.includes(`Earlier root keys are as they were, and open backups from before their rotation: ${kept}.`));
  await using server = await SealedOrOpen.serve(["--data", data, "--seal", to]);
  await server.until(/Earlier root keys lie beside the data/);
  assert.equal(await server.stop(), 0);
});

test("what cannot be done is said in a sentence, and changes nothing", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "data");
  await ok(["init", "--data", data]);
  const before = await readFile(join(data, "root.key"));
  const refusals: readonly (readonly [number, readonly string[], RegExp])[] = [
    [1, ["root-key", "rotate", "--data", join(folder, "nowhere")], /There is no deployment here/],
    [1, ["root-key", "rotate", "--data", data, "--seal", `file:${join(folder, "none")}`], /there is none in file/],
    [2, ["root-key", "rotate", "--data", data, "--to=paper"], /--to: "paper" is wrong/],
    [1, ["root-key", "rotate", "--data", data, "--to=file"], /leave --to out/],
    [2, ["root-key", "rotate", "--data", data, "--to=file:new", "--remove-old"], /--remove-old and --to do not go/],
    [2, ["root-key", "rotate", "--data", data, "--to=shamir:2of3", "--json"], /--json and --to shamir do not go/],
    [2, ["account-key", "rotate", "--data", data], /Name one account, or give --all/],
    [2, ["account-key", "rotate", "1000000000000000", "--all", "--data", data], /Name one account, or give --all/],
    [
      1,
      ["account-key", "rotate", "1000000000000000", "--data", data],
      /no account key of the account 1000000000000000/,
    ],
    [1, ["seal", "migrate", "--data", data, "--to=file", "--keep-old"], /--keep-old is to leave that/],
  ];
  for (const [code, args, sentence] of refusals) {
    const { code: ended, stderr } = await cinnabar(args);
    assert.equal(ended, code, stderr);
    assert.match(stderr, sentence);
    assert.doesNotMatch(stderr, /\n./, "a sentence, and no stack trace");
  }
  assert.deepEqual(await readFile(join(data, "root.key")), before);
});
