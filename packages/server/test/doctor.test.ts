import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { ServerProcess, skipWithout, startPostgres, unpackFixture } from "@cinnabar/testkit";
import { DataDirectoryLock } from "../src/data-directory/index.ts";
import type { Finding, Severity } from "../src/doctor/index.ts";
import { issueServerCertificate } from "../src/tls/certificate.ts";
import { cinnabar } from "./support/cinnabar.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const DAY = 86_400_000;
/** Its port is not known: nobody is asked. */
const NO_SERVER = "--admin-listen=127.0.0.1:0";

/** What `cinnabar doctor` found. */
class Examination {
  readonly findings: readonly Finding[];

  private constructor(findings: readonly Finding[]) {
    this.findings = findings;
  }

  static async make(...settings: readonly string[]): Promise<Examination> {
    const { code, stdout, stderr } = await cinnabar(["doctor", "--json", ...settings]);
    assert.ok(stdout.startsWith("["), stderr);
    const findings = JSON.parse(stdout) as Finding[];
    assert.equal(code, findings.some(({ status }) => status === "problem") ? 1 : 0, stderr);
    return new Examination(findings);
  }

  of(check: string): readonly Finding[] {
    return this.findings.filter((finding) => finding.check === check);
  }

  /** The one finding of a check. */
  only(check: string, status: Severity): Finding {
    const [finding, ...more] = this.of(check);
    assert.ok(finding !== undefined && more.length === 0, JSON.stringify(this.findings, undefined, 2));
    assert.equal(finding.status, status, `${check}: ${finding.found}`);
    return finding;
  }

  get problems(): readonly string[] {
    return this.findings.filter(({ status }) => status === "problem").map(({ check }) => check);
  }
}

/** A deployment that nobody could complain about. */
class Deployment {
  readonly data: string;
  readonly away: string;
  readonly settings: readonly string[];

  private constructor(directory: string) {
    this.data = join(directory, "data");
    this.away = join(directory, "away");
    this.settings = [
      `--data=${this.data}`,
      `--seal=file:${join(this.away, "root.key")}`,
      `--checkpoint-to=${join(this.away, "checkpoints")}`,
    ];
  }

  static async create(context: TestContext): Promise<Deployment> {
    const deployment = new Deployment(await temporaryDirectory(context));
    const { data, away, settings } = deployment;
    await mkdir(away);
    const { code, stderr } = await cinnabar(["init", ...settings]);
    assert.equal(code, 0, stderr);
    await rename(join(data, "root-access-key.json"), join(away, "root-access-key.json"));
    return deployment;
  }

  async serve(): Promise<ServerProcess> {
    const key = JSON.parse(await readFile(join(this.away, "root-access-key.json"), "utf8")) as Record<string, string>;
    return ServerProcess.start({
      data: this.data,
      flags: this.settings.slice(1),
      credentials: { accessKeyId: key["AccessKeyId"] ?? "", accessKeySecret: key["AccessKeySecret"] ?? "" },
    });
  }

  examine(...settings: readonly string[]): Promise<Examination> {
    return Examination.make(...this.settings, ...settings);
  }

  /** Does something to the database behind everybody's back. */
  execute(sql: string): void {
    using database = new DatabaseSync(join(this.data, "cinnabar.db"));
    database.exec(sql);
  }
}

test("a deployment as it should be has no problem, stopped or running, and its data stays as it was", async (context) => {
  const deployment = await Deployment.create(context);
  const database = join(deployment.data, "cinnabar.db");
  const before = await readFile(database);
  const stopped = await deployment.examine(NO_SERVER);
  assert.deepEqual(stopped.problems, []);
  for (const check of ["data directory", "exposure", "database", "schema", "clock", "root key", "tls"]) {
    stopped.only(check, "ok");
  }
  assert.ok(before.equals(await readFile(database)));

  await using server = await deployment.serve();
  const client = server.client();
  await client.call("CreateKey");
  client.close();
  const running = await deployment.examine(`--admin-listen=${server.adminUrl.host}`);
  assert.deepEqual(running.problems, []);
  assert.match(running.only("server", "ok").found, new RegExp(`process ${server.pid},`));
  for (const check of ["admin listener", "alarms", "sweep"]) running.only(check, "ok");

  // Whoever asks at the wrong place is told that there is a server.
  const elsewhere = await deployment.examine("--admin-listen=127.0.0.1:1");
  assert.match(elsewhere.only("admin listener", "problem").found, /nothing answers at /);
  const atTheApi = await deployment.examine(`--admin-listen=${server.endpoint.host}`);
  assert.match(atTheApi.only("admin listener", "problem").found, /is no admin listener/);
  await server.stop();
  (await deployment.examine(NO_SERVER)).only("checkpoints", "ok");
});

test("a deployment that nobody uses has no file more after it was looked at", async (context) => {
  const deployment = await Deployment.create(context);
  const before = await readdir(deployment.data);
  assert.match((await deployment.examine(NO_SERVER)).only("database", "ok").found, /with a log of writes/);
  assert.deepEqual(await readdir(deployment.data), before);
});

test("another deployment's server is not taken for this one's, nor what it says of itself", async (context) => {
  const [stopped, other] = [await Deployment.create(context), await Deployment.create(context)];
  await using server = await other.serve();
  const examined = await stopped.examine(`--admin-listen=${server.adminUrl.host}`);
  examined.only("server", "ok");
  assert.match(examined.only("admin listener", "warning").found, /^another server answers at /);
  for (const check of ["alarms", "sweep"]) assert.deepEqual(examined.of(check), []);
});

test("what a killed server has left behind is not believed, whatever process has its number", async (context) => {
  const [deployment, other] = [await Deployment.create(context), await Deployment.create(context)];
  const left = { host: hostname(), startedAt: new Date().toISOString(), listen: "127.0.0.1:1" };
  const leave = (words: object) => writeFile(join(deployment.data, "lock.json"), JSON.stringify(words));
  await using server = await other.serve();
  for (const pid of [1, process.pid, server.pid]) {
    await leave({ ...left, pid });
    assert.match((await deployment.examine(NO_SERVER)).only("server", "ok").found, /^none runs/);
  }
  await leave({ ...left, pid: 1, host: "elsewhere.example" });
  assert.match(
    (await deployment.examine(NO_SERVER)).only("server", "warning").found,
    /process 1 of elsewhere\.example/,
  );
});

test("a database outside of the data directory is looked at where it is", async (context) => {
  const directory = await temporaryDirectory(context);
  // In memory, other than what most temporary directories are on.
  const away = await mkdtemp("/dev/shm/cinnabar-test-");
  context.after(() => rm(away, { recursive: true }));
  const path = join(away, "store.db");
  const settings = [`--data=${join(directory, "data")}`, `--database=sqlite:${path}`];
  assert.equal((await cinnabar(["init", ...settings])).code, 0);
  await chmod(path, 0o644);
  const examined = await Examination.make(...settings, NO_SERVER);
  assert.ok(examined.of("disk").some(({ found }) => found.startsWith(`${away}: `)));
  assert.ok(examined.of("file system").some(({ found }) => found.startsWith(`${away} is in memory`)));
  const modes = examined.only("file modes", "problem");
  assert.ok(modes.found.includes(path));
  assert.ok(modes.advice?.endsWith(`chmod 600 ${path}`));
});

test("in words, each finding is a line with what is so, what would be right, and where that is written", async (context) => {
  const deployment = await Deployment.create(context);
  await chmod(deployment.data, 0o755);
  const { code, stdout, stderr } = await cinnabar(["doctor", NO_SERVER, ...deployment.settings]);
  assert.equal(code, 1);
  assert.equal(stderr, "cinnabar: 1 problem was found.\n");
  assert.match(
    stdout,
    /^problem  data directory: .* has mode 0755: .*\. Find out who .* chmod 700 .*\. See docs\/\S+\.$/m,
  );
  assert.match(stdout, /^ok {7}database: /m);
});

test("files that others may read, and secrets beside the data, are told by name", async (context) => {
  const deployment = await Deployment.create(context);
  const { data, away } = deployment;
  await rename(join(away, "root.key"), join(data, "root.key"));
  await chmod(join(data, "root.key"), 0o640);
  const examined = await Examination.make(`--data=${data}`, NO_SERVER);
  assert.match(examined.only("file modes", "problem").found, /root\.key/);
  assert.match(examined.only("exposure", "warning").found, /root\.key lies beside the data/);
});

test("a root key that is another store's, or is not there, is a problem", async (context) => {
  const [one, other] = [await Deployment.create(context), await Deployment.create(context)];
  const wrong = await Examination.make(`--data=${one.data}`, `--seal=file:${join(other.away, "root.key")}`, NO_SERVER);
  assert.match(wrong.only("root key", "problem").found, /sealed under the root key .*, but the one in .* is /);
  await rm(join(one.away, "root.key"));
  const missing = (await one.examine(NO_SERVER)).only("root key", "problem");
  assert.match(missing.found, /there is none in file/);
  assert.equal(missing.see, "docs/runbooks/seal-missing.md");
});

test("a passphrase is not asked for, and tried where it is given", async (context) => {
  const directory = await temporaryDirectory(context);
  const passphrase = join(directory, "passphrase");
  await writeFile(passphrase, "correct horse battery staple\n", { mode: 0o600 });
  const settings = [`--data=${join(directory, "data")}`, "--seal=passphrase"];
  const given = `--unseal-from=file:${passphrase}`;
  assert.equal((await cinnabar(["init", ...settings, given])).code, 0);
  assert.match((await Examination.make(...settings, NO_SERVER)).only("root key", "ok").found, /it was not opened/);
  assert.match(
    (await Examination.make(...settings, given, NO_SERVER)).only("root key", "ok").found,
    /opens this store/,
  );
  await writeFile(passphrase, "another one altogether\n", { mode: 0o600 });
  (await Examination.make(...settings, given, NO_SERVER)).only("root key", "problem");
});

test("an older schema is a warning, one that this version does not know a problem", async (context) => {
  await using old = await unpackFixture("before-kernel-0003", "sqlite");
  const older = (await Examination.make(`--data=${old.data}`, NO_SERVER)).only("schema", "warning");
  assert.match(older.found, /lacks the schema steps kernel-0003-job/);
  const deployment = await Deployment.create(context);
  deployment.execute("INSERT INTO migration (name) VALUES ('kernel-9999-what-will-be')");
  assert.match((await deployment.examine(NO_SERVER)).only("schema", "problem").found, /kernel-9999-what-will-be/);
});

test("a clock behind the times on record is a problem", async (context) => {
  const deployment = await Deployment.create(context);
  deployment.execute("UPDATE epoch SET time = time + 600000");
  const { found, see } = (await deployment.examine(NO_SERVER)).only("clock", "problem");
  assert.match(found, /is (?:5[0-9]{2}|600) s behind/);
  assert.equal(see, "docs/runbooks/clock-behind.md");
});

test("certificates are told by the days that are left of them", async (context) => {
  const deployment = await Deployment.create(context);
  for (const [days, check] of [
    [-1, (examined: Examination) => assert.match(examined.only("certificate", "problem").found, /expired on /)],
    [20, (examined: Examination) => assert.match(examined.only("certificate", "warning").found, /in (?:19|20) days/)],
    [90, (examined: Examination) => assert.match(examined.only("certificate", "ok").found, /kms\.example\.com/)],
  ] as const) {
    const files = await writeCertificate(deployment.away, Date.now() + days * DAY);
    check(await deployment.examine(...files, NO_SERVER));
  }
});

test("a store that was put back to an older state is a problem", async (context) => {
  const deployment = await Deployment.create(context);
  const database = join(deployment.data, "cinnabar.db");
  const before = await readFile(database);
  {
    await using server = await deployment.serve();
    const client = server.client();
    await client.call("CreateKey");
    client.close();
    await server.stop();
  }
  (await deployment.examine(NO_SERVER)).only("checkpoints", "ok");
  for (const suffix of ["-wal", "-shm"]) await rm(`${database}${suffix}`, { force: true });
  await writeFile(database, before);
  const { found, see } = (await deployment.examine(NO_SERVER)).only("checkpoints", "problem");
  assert.match(found, /put back to an older state/);
  assert.equal(see, "docs/runbooks/put-back.md");
});

test("alarms that a server raises, and that it is not ready, are passed on", async (context) => {
  const deployment = await Deployment.create(context);
  const pages: Readonly<Record<string, string>> = {
    "/readyz": JSON.stringify({ ready: false, reasons: ["the audit log cannot be written"] }),
    "/metrics": 'cinnabar_alarm{alarm="log-unavailable"} 1\ncinnabar_alarm{alarm="clock-behind"} 0\n',
  };
  await using stack = new AsyncDisposableStack();
  stack.use(await DataDirectoryLock.take(deployment.data, { listen: "127.0.0.1:1", now: Date.now() }));
  const server = createServer((request, response) => response.end(pages[request.url ?? ""])).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const examined = await deployment.examine(`--admin-listen=127.0.0.1:${port}`);
  assert.match(examined.only("admin listener", "problem").found, /the audit log cannot be written/);
  assert.equal(examined.only("alarm", "problem").see, "docs/runbooks/log-unavailable.md");
});

test("a directory without a deployment is a problem, and none is made there", async (context) => {
  const directory = await temporaryDirectory(context);
  const examined = await Examination.make(`--data=${join(directory, "none")}`, NO_SERVER);
  assert.deepEqual(examined.problems, ["data directory", "database"]);
  await mkdir(join(directory, "empty"), { mode: 0o700 });
  examined.only("database", "problem");
});

test(
  "PostgreSQL that may lose what it acknowledged is a problem",
  { skip: skipWithout("postgresql") },
  async (context) => {
    await using postgres = await startPostgres();
    const directory = await temporaryDirectory(context);
    const url = await postgres.createDatabase();
    const settings = [`--data=${join(directory, "data")}`, `--database=${url}`];
    assert.equal((await cinnabar(["init", ...settings])).code, 0);
    const sound = await Examination.make(...settings, NO_SERVER);
    assert.deepEqual(sound.problems, []);
    assert.match(sound.only("database", "ok").found, /fsync, full_page_writes and synchronous_commit are on/);
    assert.ok(!JSON.stringify(sound.findings).includes(new URL(url).password), "no password is shown");
    for (const name of ["fsync", "full_page_writes", "synchronous_commit"]) {
      await postgres.setting({ name, value: "off" });
      const { found } = (await Examination.make(...settings, NO_SERVER)).only("database", "problem");
      assert.match(found, new RegExp(`${name} = off: what it acknowledges could be lost`));
      await postgres.setting({ name, value: "on" });
    }
    postgres.kill("SIGQUIT");
    assert.match((await Examination.make(...settings, NO_SERVER)).only("database", "problem").found, /cannot be used/);
  },
);

async function writeCertificate(directory: string, until: number): Promise<string[]> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = issueServerCertificate(
    { commonName: "Somebody's CA", privateKey: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey },
    {
      publicKey: createPublicKey(privateKey),
      names: ["kms.example.com"],
      validity: { from: until - 100 * DAY, until },
    },
  );
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  await writeFile(cert, new X509Certificate(der).toString());
  await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  return [`--tls-cert=${cert}`, `--tls-key=${key}`];
}
