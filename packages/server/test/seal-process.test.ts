import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";

import { forEachDatabase } from "@cinnabar/testkit";

import { readReply } from "./support/application.ts";
import { cinnabar, clientOf, PROGRAM, SealedOrOpen } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const PASSPHRASE = "correct horse battery";
const PATH = "/usr/local/bin:/usr/bin:/bin";
const SHARE = /cinnabar-share-v1-\S+/g;

async function ready(server: SealedOrOpen): Promise<object> {
  const response = await fetch(`${server.adminUrl}/readyz`);
  return { status: response.status, ...((await response.json()) as object) };
}

test("starts sealed under shares, refuses every call, and opens when enough were given, one by one", async (t) => {
  const data = await temporaryDirectory(t);
  const made = await cinnabar(["init", "--data", data, "--seal=shamir:2of3"]);
  assert.equal(made.code, 0, made.stderr);
  const [one = "", two = "", three = ""] = made.stdout.match(SHARE) ?? [];
  assert.equal(made.stdout.match(SHARE)?.length, 3);
  const again = await cinnabar(["init", "--data", data, "--seal=shamir", "--unseal-from=fd:0"], {
    input: `${one}\n${three}\n`,
  });
  assert.match(again.stdout, /already; nothing was changed/);
  assert.doesNotMatch(again.stdout, /cinnabar-share/);

  await using server = await SealedOrOpen.serve(["--data", data, "--seal=shamir"]);
  const { url, adminListen } = server;
  assert.deepEqual(await ready(server), {
    status: 503,
    ready: false,
    reasons: ["the server is sealed: 0 of 2 shares were given"],
  });
  assert.equal((await fetch(`${server.adminUrl}/healthz`)).status, 200);
  const client = await clientOf(server, data);
  t.after(() => client.close());
  for (const action of ["DescribeRegions", "CreateKey", "NoSuchAction"]) {
    await assert.rejects(client.call(action), { status: 503, code: "ServiceUnavailableTemporary" }, action);
  }

  const headers = { "content-type": "application/x-protobuf" };
  const refused = await fetch(url, { method: "POST", headers, body: "" });
  assert.equal(refused.headers.get("content-type"), headers["content-type"]);
  const body = Buffer.from(await refused.arrayBuffer());
  const { status, code } = readReply("Encrypt", { status: refused.status, requestId: "", body });
  assert.deepEqual([status, code], [503, "ServiceUnavailableTemporary"]);

  const give = (share: string) =>
    cinnabar(["unseal", "--admin-listen", adminListen, "--unseal-from=fd:0"], { input: `${share}\n` });
  const wrong = await give(`${one.slice(0, -1)}${one.endsWith("0") ? "1" : "0"}`);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /not typed or copied/);
  assert.match((await give(two)).stderr, /1 of 2/);
  const twice = await give(two);
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /given already/);
  assert.deepEqual(await ready(server), {
    status: 503,
    ready: false,
    reasons: ["the server is sealed: 1 of 2 shares were given"],
  });
  const statuses = new Set<number>();
  const opening = new AbortController();
  const opened = server.until(/^Cinnabar is ready\./m).finally(() => opening.abort());
  assert.match((await give(three)).stderr, /2 of 2. The server opens/);
  // There is no moment at which nobody listens.
  while (!opening.signal.aborted) {
    const response = await fetch(`${url}/?Action=DescribeRegions`, { headers: { connection: "close" } });
    statuses.add(response.status);
    await response.text();
    await setTimeout(5);
  }
  await opened;
  assert.deepEqual(
    [...statuses].filter((status) => status !== 503 && status !== 400),
    [],
  );
  assert.deepEqual(await ready(server), { status: 200, ready: true, reasons: [] });
  assert.equal(typeof (await client.call("CreateKey"))["KeyMetadata"], "object");
  const late = await give(one);
  assert.equal(late.code, 1);
  assert.match(late.stderr, /is not sealed/);
  client.close();
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.output, /cinnabar-share/);
});

test("ends in order while sealed, and touches nothing of a store that the seal is not of", async (t) => {
  const folder = await temporaryDirectory(t);
  const [data, other] = [join(folder, "data"), join(folder, "other")];
  for (const each of [data, other]) await cinnabar(["init", "--data", each, "--seal=shamir:2of2"]);
  await using server = await SealedOrOpen.serve(["--data", data, "--seal=shamir"]);
  assert.equal(await server.stop(), 0);

  const before = await readFile(join(data, "cinnabar.db"));
  const refusals: readonly (readonly [string, RegExp])[] = [
    [`shamir:${join(other, "root.sealed")}`, /sealed under the root key \S+, but the one in shamir .* is \S+/],
    [`shamir:${join(folder, "nothing")}`, /There is no root key in shamir/],
    ["passphrase", /under a seal of the kind shamir, not passphrase/],
    ["file", /there is none in file/],
  ];
  for (const [seal, message] of refusals) {
    const { code, stderr } = await cinnabar(["serve", "--data", data, "--seal", seal]);
    assert.equal(code, 1, seal);
    assert.match(stderr, message);
  }
  const tooFew = await cinnabar(["clock", "reset", "--data", data, "--seal=shamir", "--unseal-from=fd:0"]);
  assert.equal(tooFew.code, 1);
  assert.match(tooFew.stderr, /not enough shares in the file descriptor 0/);
  const shared = await cinnabar(["serve", "--data", join(folder, "new"), "--seal=shamir:2of3"]);
  assert.equal(shared.code, 1);
  assert.match(shared.stderr, /cinnabar init/);
  assert.deepEqual(await readFile(join(data, "cinnabar.db")), before);
});

forEachDatabase((database) => {
  test("migrates the seal beside a running server, on record", async (t) => {
    await using instance = await database.create();
    const data = await temporaryDirectory(t);
    const settings = ["--data", data, "--database", instance.url];
    const passphrase = join(data, "passphrase.txt");
    await writeFile(passphrase, `${PASSPHRASE}\n`);
    await using server = await SealedOrOpen.serve(settings);
    const client = await clientOf(server, data);
    t.after(() => client.close());
    await client.call("CreateKey");
    const migrated = await cinnabar([
      "seal",
      "migrate",
      ...settings,
      "--to=passphrase",
      `--to-unseal-from=file:${passphrase}`,
    ]);
    assert.equal(migrated.code, 0, migrated.stderr);
    assert.match(migrated.stderr, /is sealed by passphrase .*root.sealed now. file .*root.key is removed/);
    await client.call("CreateKey");
    client.close();
    assert.equal(await server.stop(), 0);
    assert.equal((await readdir(data)).includes("root.key"), false);

    const old = await cinnabar(["serve", ...settings]);
    assert.equal(old.code, 1);
    assert.match(old.stderr, /there is none in file .*root\.key/);
    const unlock = ["--seal=passphrase", "--unseal-from=fd:0"];
    const wrong = await cinnabar(["serve", ...settings, ...unlock], { input: "incorrect horse battery\n" });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /The passphrase is not the one that .*root\.sealed is sealed with; nothing was changed/);
    assert.doesNotMatch(wrong.stderr, /horse/);
    await using reopened = await SealedOrOpen.serve([...settings, ...unlock], { input: PASSPHRASE });
    assert.equal(await reopened.stop(), 0);

    const exported = join(data, "exported");
    const audit = ["--data", data, "--database", instance.url];
    assert.equal((await cinnabar(["audit", "verify", ...audit])).code, 0);
    assert.equal((await cinnabar(["audit", "export", exported, "--with-events", ...audit])).code, 0);
    assert.match(await allText(exported), /"MigrateSeal"/);
  });
});

/** All that is in the files below a folder. */
async function allText(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const contents = files
    .filter((file) => file.isFile())
    .map((file) => readFile(join(file.parentPath, file.name), "latin1"));
  return (await Promise.all(contents)).join("\n");
}

test("keeps the root key under a key of another Cinnabar, and opens by itself while that one lets it", async (t) => {
  const folder = await temporaryDirectory(t);
  const [outer, data, other] = [join(folder, "outer"), join(folder, "data"), join(folder, "other")];
  await using service = await SealedOrOpen.serve(["--data", outer]);
  const client = await clientOf(service, outer);
  t.after(() => client.close());
  const { KeyId: keyId } = (await client.call("CreateKey"))["KeyMetadata"] as { KeyId: string };
  const { AccessKeyId, AccessKeySecret } = JSON.parse(
    await readFile(join(outer, "root-access-key.json"), "utf8"),
  ) as Record<string, string>;
  const settings = join(folder, "kms.json");
  await writeFile(settings, JSON.stringify({ Endpoint: service.url, KeyId: keyId, AccessKeyId, AccessKeySecret }), {
    mode: 0o600,
  });

  for (const each of [data, other]) {
    const made = await cinnabar(["init", "--data", each, "--seal", `kms:${settings}`]);
    assert.equal(made.code, 0, made.stderr);
  }
  {
    await using server = await SealedOrOpen.serve(["--data", data, "--seal", `kms:${settings}`]);
    assert.equal(await server.stop(), 0);
  }
  const serve = () => cinnabar(["serve", "--data", data, "--seal", `kms:${settings}`, "--listen=127.0.0.1:0"]);
  const refused = async (message: RegExp) => {
    const { code, stderr } = await serve();
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.equal(stderr.includes(AccessKeySecret ?? ""), false);
  };

  // The service will not open for one deployment what it encrypted for another.
  const sealed = join(data, "root.sealed");
  const [mine, theirs] = [await readFile(sealed, "utf8"), await readFile(join(other, "root.sealed"), "utf8")];
  const blob = /"ciphertextBlob": "([^"]+)"/;
  await writeFile(sealed, mine.replace(blob.exec(mine)?.[1] ?? "", blob.exec(theirs)?.[1] ?? ""));
  await refused(/did not Decrypt/);
  await writeFile(sealed, mine);

  await client.call("DisableKey", { KeyId: keyId });
  await refused(/did not Decrypt with .*Rejected\.Disabled/);
  await client.call("EnableKey", { KeyId: keyId });
  await chmod(settings, 0o644);
  await refused(/chmod 600/);
  await chmod(settings, 0o600);
  client.close();
  await service.stop();
  await refused(/did not Decrypt with .*Cannot call/);
});

test("takes the root key from a file that a variable names, or from a command's output", async (t) => {
  const folder = await temporaryDirectory(t);
  const data = join(folder, "data");
  const key = join(folder, "handed-over");
  await cinnabar(["init", "--data", data, "--seal", `file:${key}`]);
  await chmod(key, 0o444);
  const settings = ["--data", data];
  const environment = { ROOT_KEY_FILE: key, PATH };
  {
    await using server = await SealedOrOpen.serve([...settings, "--seal=env:ROOT_KEY_FILE"], { environment });
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.output, /[0-9a-f]{64}/);
  }
  {
    await using server = await SealedOrOpen.serve([...settings, "--seal", `command:cat ${key}`], { environment });
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.output, /[0-9a-f]{64}/);
  }
  const refusals: readonly (readonly [string, RegExp])[] = [
    ["env:NOT_SET", /there is none in env NOT_SET/],
    ["command:false", /The command false gave no root key: it ended with code 1/],
    ["command:true", /there is none in command true/],
    ["command:/no/such/program", /gave no root key: .*ENOENT/],
    [`command:cat ${PROGRAM}`, /command cat is not a root key file/],
  ];
  for (const [seal, message] of refusals) {
    const { code, stderr } = await cinnabar(["serve", ...settings, "--seal", seal], { environment });
    assert.equal(code, 1, seal);
    assert.match(stderr, message);
  }
  const fresh = await cinnabar(["init", "--data", join(folder, "fresh"), "--seal=env:NOT_SET"], { environment });
  assert.equal(fresh.code, 1);
  assert.match(fresh.stderr, /init --seal file/);

  // From there to a file, and back to whoever keeps it.
  const moved = await cinnabar(["seal", "migrate", ...settings, "--seal=env:ROOT_KEY_FILE", "--to=file"], {
    environment,
  });
  assert.equal(moved.code, 0, moved.stderr);
  assert.match(moved.stderr, /take it away from env ROOT_KEY_FILE/);
  await mkdir(join(folder, "mount"));
  await rename(key, join(folder, "gone"));
  const early = await cinnabar(["seal", "migrate", ...settings, "--to=env:ROOT_KEY_FILE"], { environment });
  assert.equal(early.code, 1);
  assert.match(early.stderr, /Only whoever keeps env ROOT_KEY_FILE can put a root key there/);
  await copyFile(join(data, "root.key"), key);
  const back = await cinnabar(["seal", "migrate", ...settings, "--to=env:ROOT_KEY_FILE"], { environment });
  assert.equal(back.code, 0, back.stderr);
  // What the variable names may be this very file: to remove it is left to whoever knows.
  assert.match(back.stderr, /still opens the store as well, for what is handed over may come from it/);
  assert.equal((await readdir(data)).includes("root.key"), true);
  const sameFile = { ROOT_KEY_FILE: join(data, "root.key"), PATH };
  const toItself = await cinnabar(["seal", "migrate", ...settings, "--to=env:ROOT_KEY_FILE"], {
    environment: sameFile,
  });
  assert.equal(toItself.code, 0, toItself.stderr);
  assert.equal((await readdir(data)).includes("root.key"), true);
});

test("asks for a passphrase on the terminal without showing it, twice for a new one", async (t) => {
  const data = await temporaryDirectory(t);
  const onTerminal = async (args: string, answers: readonly (readonly [string, string])[]) => {
    const command = `${process.execPath} ${PROGRAM} ${args}`;
    const child = spawn("script", ["-qec", command, "/dev/null"], { env: { TERM: "dumb", PATH } });
    const output = text(child.stdout);
    let seen = "";
    const waiting = [...answers];
    child.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      const [question, answer] = waiting[0] ?? [];
      if (question === undefined || !seen.includes(question)) return;
      waiting.shift();
      seen = "";
      child.stdin.write(`${answer}\r`);
    });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, output: await output };
  };
  const wrong = await onTerminal(`init --data ${data} --seal passphrase`, [
    ["New passphrase for", PASSPHRASE],
    ["The same again", `${PASSPHRASE}!`],
  ]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /not the same; nothing was changed/);
  const made = await onTerminal(`init --data ${data} --seal passphrase`, [
    ["New passphrase for", `${PASSPHRASE}xx\u007f\u007f`],
    ["The same again", `typed wrongly\u0015${PASSPHRASE}`],
  ]);
  assert.equal(made.code, 0, made.output);
  assert.match(made.output, /The store is made/);
  assert.doesNotMatch(made.output, /horse/);
  const again = await onTerminal(`init --data ${data} --seal passphrase`, [["Passphrase for", PASSPHRASE]]);
  assert.match(again.output, /already; nothing was changed/);
  const interrupted = await onTerminal(`init --data ${data} --seal passphrase`, [["Passphrase for", "\u0003"]]);
  assert.equal(interrupted.code, 1);
  assert.match(interrupted.output, /Interrupted/);
  const detached = await cinnabar(["init", "--data", data, "--seal=passphrase", "--unseal-from=fd:0"], {
    input: PASSPHRASE,
  });
  assert.equal(detached.code, 0, detached.stderr);
});
