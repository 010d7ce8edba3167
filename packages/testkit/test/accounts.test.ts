import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CinnabarClient, ServiceError } from "@cinnabar/client";
import { ServerProcess, sharedPostgres, skipWithout } from "@cinnabar/testkit";
import { type Flip, judgeHistory, type Reading } from "../src/crash/switch-history.ts";
import { temporaryDirectory } from "../src/crash/temporary-directory.ts";
import { cinnabar } from "./cinnabar.ts";

/** How long a right is left as it is before it is changed again, in milliseconds. */
const REST_MILLIS = 150;
const CALLERS_PER_NODE = 2;
const WITHDRAWN = ["InvalidAccessKeyId.Inactive", "InvalidAccessKeyId.NotFound"];

interface Credentials {
  readonly AccountId: string;
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
  readonly Endpoint: string;
}

test("accounts and AccessKeys are administered beside a server on SQLite, and hold from the end of the command", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  const deployment = [`--data=${data}`];
  await proveAdministration({ folder: directory.path, nodes: [server], deployment, log: deployment });
  await server.stop();
});

test("what cannot be done is said in a sentence, and changes nothing", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  const setting = `--data=${data}`;
  const nothing = await cinnabar(["account", "list", setting]);
  assert.equal(nothing.exitCode, 1);
  assert.match(nothing.errors, /^cinnabar: There is no deployment here\. .*\n$/);
  await assert.rejects(stat(data), { code: "ENOENT" });

  assert.equal((await cinnabar(["init", setting])).exitCode, 0);
  const root = JSON.parse(await readFile(join(data, "root-access-key.json"), "utf8")) as Credentials;
  const { AccountId, AccessKeyId } = root;
  const refusals = [
    [1, ["account", "disable", "1000000000000000"], "There is no account 1000000000000000."],
    [1, ["access-key", "delete", "LTAI5tExampleExampleExam"], "There is no AccessKey LTAI5tExampleExampleExam."],
    [1, ["access-key", "delete", AccessKeyId], `The AccessKey ${AccessKeyId} is the last active one of the account`],
    [1, ["account", "list", "--seal=file:/dev/null"], ""],
    [2, ["account", "disable", "12"], '"12" is not an account: it would be 16 digits.'],
    [2, ["access-key", "enable"], "The AccessKey's id is missing."],
    [2, ["access-key", "enable", root.AccessKeySecret], "What was given is not an AccessKey's id"],
    [1, ["account", "set", "1000000000000000", "--require-usage-review=on"], "There is no account 1000000000000000."],
    [
      2,
      ["account", "set", AccountId],
      "Say what to set: --require-usage-review on or off, or --separation-of-duties off, warn, enforce.",
    ],
    [2, ["account", "set", AccountId, "--require-usage-review", "yes"], '--require-usage-review is "yes": it must be'],
    [2, ["account", "list", AccountId], `"${AccountId}" is more than is expected here.`],
    [2, ["account", "list", "--force"], "Unknown flag --force."],
  ] as const;
  for (const [exitCode, args, sentence] of refusals) {
    const said = await cinnabar([...args, setting]);
    assert.equal(said.exitCode, exitCode, said.errors);
    assert.ok(said.errors.startsWith(`cinnabar: ${sentence}`), said.errors);
    assert.doesNotMatch(said.errors, /\n./, "a sentence, and no stack trace");
    assert.equal(said.output, "");
    assert.ok(!said.errors.includes(root.AccessKeySecret));
  }

  const listed = await cinnabar(["account", "list", setting]);
  assert.match(
    listed.output,
    new RegExp(
      `^ACCOUNT +STATUS +CREATED +ACCESSKEYS +USAGE REVIEW +SEPARATION OF DUTIES\n${AccountId}  Enabled  \\S+Z  1, 1 active  not required  warn\n$`,
    ),
  );
});

describe("accounts on PostgreSQL", { skip: skipWithout("postgresql") }, () => {
  test("what a command changes holds on two nodes from its end", async () => {
    await using directory = await temporaryDirectory();
    const postgres = await sharedPostgres();
    const database = await postgres.createDatabase();
    const data = join(directory.path, "first");
    const rootKeyFile = join(data, "root.key");
    await using first = await ServerProcess.start({ data, database });
    const { credentials } = first;
    const secondData = join(directory.path, "second");
    await using second = await ServerProcess.start({ data: secondData, database, rootKeyFile, credentials });
    // From a place that has no data directory at all.
    const deployment = [
      `--data=${join(directory.path, "nowhere")}`,
      `--database=${database}`,
      `--seal=file:${rootKeyFile}`,
    ];
    const log = [`--data=${data}`, `--database=${database}`];
    await proveAdministration({ folder: directory.path, nodes: [first, second], deployment, log });
    await second.stop();
    await first.stop();
    await postgres.dropDatabase(database);
  });
});

/** Withdraws and gives back the rights of a new account by commands, while it calls every node without a pause. */
async function proveAdministration(rig: {
  folder: string;
  nodes: readonly ServerProcess[];
  /** Where its accounts are administered. */
  deployment: readonly string[];
  /** Where its audit log is read. */
  log: readonly string[];
}): Promise<void> {
  const { folder, nodes, deployment, log } = rig;
  const run = (...args: string[]) => cinnabar([...args, ...deployment]);
  const file = join(folder, "tenant.json");
  const created = await run("account", "create", "-o", file, "--json");
  assert.equal(created.exitCode, 0, created.errors);
  const tenant = JSON.parse(await readFile(file, "utf8")) as Credentials;
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(created.output), {
    accessKeyId: tenant.AccessKeyId,
    accountId: tenant.AccountId,
    file,
  });

  const clients = nodes.map(({ endpoint }) => clientOf(endpoint, tenant));
  const [some] = clients;
  assert.ok(some);
  const { KeyId } = (await some.call("CreateKey"))["KeyMetadata"] as { KeyId: string };
  const foreign = nodes[0]?.client();
  await assert.rejects(async () => foreign?.call("Encrypt", { KeyId, Plaintext: "text" }), {
    code: "Forbidden.KeyNotFound",
  });
  foreign?.close();

  const flips: Flip[] = [];
  const readings: Reading[] = [];
  const unexpected = new Set<string>();
  const end = new AbortController();
  const calling = clients.flatMap((client) =>
    Array.from({ length: CALLERS_PER_NODE }, async (_, caller) => {
      const calls = [
        () => client.call("Encrypt", { KeyId, Plaintext: "text" }),
        () => client.call("DescribeKey", { KeyId }),
        () => client.call("DescribeRegions"),
      ];
      for (let i = caller; !end.signal.aborted; i++) {
        const beganAt = performance.now();
        const code = await codeOf(calls[i % calls.length]?.());
        const returnedAt = performance.now();
        const isRefused = WITHDRAWN.includes(code ?? "");
        if (code === undefined || isRefused) readings.push({ found: isRefused ? "off" : "on", beganAt, returnedAt });
        else if (code !== "ServiceUnavailableTemporary") unexpected.add(code);
      }
    }),
  );
  try {
    const steps = [
      { to: "off", args: ["account", "disable", tenant.AccountId] },
      { to: "on", args: ["account", "enable", tenant.AccountId] },
      { to: "off", args: ["access-key", "disable", tenant.AccessKeyId, "--force"] },
      { to: "on", args: ["access-key", "enable", tenant.AccessKeyId] },
      { to: "off", args: ["access-key", "delete", tenant.AccessKeyId, "--force"] },
    ] as const;
    for (const { to, args } of steps) {
      await sleep(REST_MILLIS);
      const beganAt = performance.now();
      const { exitCode, errors } = await run(...args);
      const returnedAt = performance.now();
      assert.equal(exitCode, 0, errors);
      flips.push({ to, beganAt, returnedAt });
    }
    await sleep(REST_MILLIS);
  } finally {
    end.abort();
    await Promise.all(calling);
    for (const client of clients) client.close();
  }
  const { onWhileOff, offWhileOn, unexplained, whileOff } = judgeHistory(flips, readings);
  assert.deepEqual({ onWhileOff, offWhileOn, unexplained }, { onWhileOff: 0, offWhileOn: 0, unexplained: 0 });
  assert.deepEqual([...unexpected], []);
  assert.ok(whileOff > 0, "calls were made while they had to be refused");

  await proveReturn(tenant, { run, KeyId, endpoint: nodes[0]?.endpoint });
  const verified = await cinnabar(["audit", "verify", ...log]);
  if (verified.exitCode !== 0) assert.fail(verified.output + verified.errors);
  for (const node of nodes) {
    assert.equal(node.isRunning, true);
    assert.equal(await node.metric("cinnabar_tampered_rows_total"), 0);
    assert.ok(!node.output.includes(tenant.AccessKeySecret));
  }
}

/** An account without an AccessKey gets another one, and finds its key. */
async function proveReturn(
  { AccountId }: Credentials,
  options: {
    run: (...args: string[]) => ReturnType<typeof cinnabar>;
    KeyId: string;
    endpoint: URL | undefined;
  },
): Promise<void> {
  const { run, KeyId, endpoint } = options;
  const created = await run("access-key", "create", AccountId);
  assert.equal(created.exitCode, 0, created.errors);
  const credentials = JSON.parse(created.output) as Credentials;
  assert.ok(!created.errors.includes(credentials.AccessKeySecret));
  assert.ok(endpoint);
  const client = clientOf(endpoint, credentials);
  await client.call("DescribeKey", { KeyId });
  client.close();

  const last = await run("access-key", "disable", credentials.AccessKeyId);
  assert.equal(last.exitCode, 1);
  assert.match(last.errors, /^cinnabar: The AccessKey .* is the last active one of the account .* add --force\.\n$/);
  const listed = await run("access-key", "list", AccountId, "--json");
  const { accessKeys } = JSON.parse(listed.output) as { accessKeys: Record<string, unknown>[] };
  assert.deepEqual(
    accessKeys.map(({ createdAt: _createdAt, ...rest }) => rest),
    [{ accessKeyId: credentials.AccessKeyId, accountId: AccountId, status: "Active" }],
  );
}

function clientOf(endpoint: URL, { AccessKeyId, AccessKeySecret }: Credentials): CinnabarClient {
  return new CinnabarClient({
    endpoint,
    credentials: { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret },
  });
}

/** The code of a refusal, `undefined` for success. */
async function codeOf(call: Promise<unknown> | undefined): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
}
