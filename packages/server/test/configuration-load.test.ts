import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import {
  asksForHelp,
  describeSettings,
  findStorePlace,
  loadConfiguration,
  maskPassword,
} from "../src/configuration/index.ts";
import { flagOf, SETTING_NAMES, variableOf } from "../src/configuration/settings.ts";
import { OperatorError } from "../src/operator-error.ts";

interface Given {
  readonly argv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ argv = [], environment = {}, files = {} }: Given) {
  return loadConfiguration({
    argv,
    environment: { PATH: "/bin", HOME: "/root", ...environment },
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
  });
}

function refuses(given: Given, message: RegExp): void {
  assert.throws(
    () => load(given),
    (error) => {
      assert(error instanceof OperatorError);
      assert.match(error.message, message);
      return true;
    },
  );
}

test("needs no settings at all: loopback, and everything below ./data", () => {
  assert.deepEqual(load({}), {
    data: "data",
    listen: { host: "127.0.0.1", port: 8080 },
    adminListen: { host: "127.0.0.1", port: 8081 },
    database: "sqlite:data/cinnabar.db",
    seal: { kind: "file", path: "data/root.key" },
    unsealFrom: undefined,
    tls: { kind: "none" },
    insecureHttp: false,
    trustedProxies: [],
    maxConnectionsPerAddress: 1024,
    region: "cn-hangzhou",
    origin: undefined,
    checkpointTo: undefined,
    compatibility: "extended",
    auditRetention: 90 * 24 * 60 * 60 * 1000,
    auditMaxSize: undefined,
    throttle: undefined,
    accountQuotas: undefined,
    destructionDelay: 60 * 60 * 1000,
    backupRetention: 35 * 24 * 60 * 60 * 1000,
    nonceSlots: 2 ** 24,
    emulator: false,
    logLevel: "info",
  });
});

test("reads how long backups are kept, and what is no length of time it refuses", () => {
  const retention = (text: string) => load({ argv: ["--backup-retention", text] }).backupRetention;
  assert.equal(retention("off"), undefined);
  assert.equal(retention("90d"), 90 * 24 * 60 * 60 * 1000);
  assert.throws(() => retention("90"), { message: /^--backup-retention: "90" is wrong: neither off, nor a length/ });
  assert.equal(load({ argv: ["--destruction-delay=0s"] }).destructionDelay, 0);
});

test("reads how much of the audit log is kept", () => {
  const { auditRetention, auditMaxSize } = load({ argv: ["--audit-retention=off", "--audit-max-size=20GiB"] });
  assert.deepEqual([auditRetention, auditMaxSize], [undefined, 20 * 2 ** 30]);
  assert.equal(load({ argv: ["--audit-retention=36h", "--audit-max-size=off"] }).auditRetention, 36 * 60 * 60 * 1000);
  assert.equal(load({ argv: ["--audit-max-size=1KiB"] }).auditMaxSize, 1024);
  for (const wrong of ["0s", "90", "-1d", "1w", ""]) {
    assert.throws(() => load({ argv: [`--audit-retention=${wrong}`] }), /neither off, nor a length of time/, wrong);
  }
  for (const wrong of ["0MiB", "20", "20GB", "1.5GiB", "9999999999TiB", ""]) {
    assert.throws(() => load({ argv: [`--audit-max-size=${wrong}`] }), /neither off, nor a size such as/, wrong);
  }
});

test("reads the limits on calls, and says what limits there are", () => {
  const limits = (text: string) => load({ argv: ["--throttle", text] }).throttle;
  assert.equal(limits("off"), undefined);
  assert.equal(limits("cloud")?.CreateKey, 10);
  assert.deepEqual(limits("crypto=5000, CreateKey=1"), { crypto: 5000, CreateKey: 1 });
  for (const wrong of [
    "",
    "on",
    "crypto",
    "crypto=0",
    "crypto=1.5",
    "crypto=-1",
    "encrypt=5",
    "toString=5",
    "crypto=5,",
  ]) {
    assert.throws(
      () => limits(wrong),
      /neither off, nor cloud, nor a list of limits such as crypto=1000, ReEncrypt=750/,
    );
  }
});

test("reads what an account may have, and says what there is to limit", () => {
  const quotas = (text: string) => load({ argv: ["--account-quotas", text] }).accountQuotas;
  assert.equal(quotas("off"), undefined);
  assert.deepEqual(quotas("cloud"), { keys: 200, aliases: 300, versions: 10_000 });
  assert.deepEqual(quotas("versions=50, keys=5"), { versions: 50, keys: 5 });
  for (const wrong of ["", "keys=0", "keys=-1", "secrets=5", "crypto=5", "keys=5,"]) {
    const message = /neither off, nor cloud, nor a list of limits such as keys=200, aliases=300, versions=10000/;
    assert.throws(() => quotas(wrong), message, wrong);
  }
});

test("puts what has no path of its own into the data directory", () => {
  const { database, seal } = load({ argv: ["--data", "/srv/kms", "--database", "sqlite:", "--seal=file"] });
  assert.equal(database, "sqlite:/srv/kms/cinnabar.db");
  assert.deepEqual(seal, { kind: "file", path: "/srv/kms/root.key" });
  assert.deepEqual(load({ argv: ["--seal", "file:/safe/a:b.key"] }).seal, { kind: "file", path: "/safe/a:b.key" });
});

test("lets a flag win over a variable, a variable over the file, the file over the default", () => {
  const files = { "c.json": '{"data": "file", "region": "cn-shanghai", "logLevel": "warn"}' };
  const argv = ["--config", "c.json", "--data", "flag"];
  const environment = { CINNABAR_DATA: "variable", CINNABAR_REGION: "cn-beijing" };
  const { data, region, logLevel, nonceSlots } = load({ argv, environment, files });
  assert.deepEqual(
    { data, region, logLevel, nonceSlots },
    { data: "flag", region: "cn-beijing", logLevel: "warn", nonceSlots: 2 ** 24 },
  );
});

test("finds the file by a variable too, and takes an empty variable for none", () => {
  const files = { "/etc/c.json": '{"data": "/srv/kms"}' };
  assert.equal(load({ environment: { CINNABAR_CONFIG: "/etc/c.json", CINNABAR_DATA: "" }, files }).data, "/srv/kms");
});

test("leaves alone what is no setting of a server", () => {
  load({ environment: { CINNABAR_DEBUG: "1", CINNABAR_TEST_MISSING: "strace", CINNABARS: "x", XCINNABAR_X: "x" } });
  refuses({ environment: { CINNABAR_DEBUGGER: "1" } }, /Unknown environment variable CINNABAR_DEBUGGER/);
});

test("takes numbers, booleans and lists of the file for what they are", () => {
  const contents = {
    listen: "0.0.0.0:0",
    insecureHttp: true,
    trustedProxies: ["10.0.0.0/8", "::1"],
    maxConnectionsPerAddress: 16,
  };
  const configuration = load({ argv: ["--config=c.json"], files: { "c.json": JSON.stringify(contents) } });
  assert.deepEqual(configuration.listen, { host: "0.0.0.0", port: 0 });
  assert.equal(configuration.insecureHttp, true);
  assert.deepEqual(configuration.trustedProxies, ["10.0.0.0/8", "::1"]);
  assert.equal(configuration.maxConnectionsPerAddress, 16);
});

test("names what an unknown setting was meant to be, in the words of its source", () => {
  refuses({ argv: ["--lisen", "127.0.0.1:1"] }, /^Unknown flag --lisen\. Did you mean --listen\?$/);
  refuses({ argv: ["--admin_listen=127.0.0.1:1"] }, /Did you mean --admin-listen\?/);
  refuses({ argv: ["--xyzzy"] }, /^Unknown flag --xyzzy\. See --help/);
  refuses({ argv: ["-d", "x"] }, /Unknown flag -d\b/);
  refuses(
    { environment: { CINNABAR_DATABSE: "x" } },
    /^Unknown environment variable CINNABAR_DATABSE\. Did you mean CINNABAR_DATABASE\?$/,
  );
  refuses(
    { argv: ["--config", "c.json"], files: { "c.json": '{"admin-listen": "x"}' } },
    /^Unknown key in c\.json: "admin-listen"\. Did you mean "adminListen"\?$/,
  );
});

test("refuses what is no flag, a flag without its value, and a flag given twice", () => {
  refuses({ argv: ["serve"] }, /"serve" is not a flag/);
  refuses({ argv: ["--data"] }, /--data needs a value/);
  refuses({ argv: ["--data", "--tls"] }, /--data needs a value/);
  refuses({ argv: ["--data", "a", "--data=b"] }, /--data is given twice/);
});

test("says which source has a wrong value and what would be right", () => {
  refuses({ argv: ["--listen", "8080"] }, /^--listen: "8080" is wrong: not HOST:PORT, such as/);
  refuses({ argv: ["--listen", "127.0.0.1:65536"] }, /--listen/);
  refuses({ environment: { CINNABAR_LOG_LEVEL: "loud" } }, /^CINNABAR_LOG_LEVEL: "loud" is wrong: not one of trace,/);
  refuses({ environment: { CINNABAR_TLS: "yes" } }, /CINNABAR_TLS: "yes" is wrong: neither true nor false/);
  refuses({ argv: ["--nonce-slots", "3000"] }, /not a power of two/);
  refuses({ argv: ["--nonce-slots", "1e4"] }, /not a whole number from 1024 to/);
  refuses({ argv: ["--trusted-proxies", "10.0.0.0/8,10.0.0.0/33"] }, /"10\.0\.0\.0\/33" is neither an IP address/);
  refuses({ argv: ["--tls-names", "ok.example,b d"] }, /"b d" is neither a host name/);
  refuses({ argv: ["--unseal-from", "hunter2"] }, /not terminal, file:PATH or fd:N/);
  refuses({ argv: ["--seal", "hsm"] }, /not one of file\[:PATH\], passphrase/);
  refuses({ argv: ["--region", "Hangzhou"] }, /not a region/);
  refuses(
    { argv: ["--checkpoint-to", "ftp://a:secret@b"] },
    /^--checkpoint-to: its value is wrong: neither a file, nor/,
  );
  refuses({ argv: ["--origin", "a b"] }, /without white space/);
  refuses({ argv: ["--config", "c.json"], files: { "c.json": '{"region": 7}' } }, /^"region" in c\.json: "7" is wrong/);
});

test("never repeats a database URL, which may hold a password", () => {
  refuses({ argv: ["--database", "mysql://root:hunter2@db/x"] }, /^--database: its value is wrong: neither sqlite/);
  assert.throws(
    () => load({ argv: ["--database", "mysql://root:hunter2@db/x"] }),
    (error) => error instanceof Error && !error.message.includes("hunter2"),
  );
  assert.throws(
    () => load({ argv: ["--config", "c.json"], files: { "c.json": '{"database": "postgres://u:hunter2@' } }),
    (error) => error instanceof OperatorError && !error.message.includes("hunter2") && error.cause === undefined,
  );
});

test("refuses a configuration file that is not there, not JSON, or not an object of plain values", () => {
  const argv = ["--config", "c.json"];
  refuses({ argv }, /^The configuration file c\.json \(--config\) cannot be read: no such file/);
  refuses({ argv, files: { "c.json": "data = x" } }, /c\.json is not JSON/);
  refuses({ argv, files: { "c.json": "[]" } }, /is not a JSON object/);
  refuses({ argv, files: { "c.json": '{"data": {"path": "x"}}' } }, /has under "data" neither/);
  refuses({ argv, files: { "c.json": '{"data": null}' } }, /has under "data" neither/);
});

test("tells the sources of a certificate apart and refuses half of one", () => {
  assert.deepEqual(load({ argv: ["--tls", "--tls-names", "kms.example.com, 10.0.0.1"] }).tls, {
    kind: "own-ca",
    names: ["kms.example.com", "10.0.0.1"],
  });
  assert.deepEqual(load({ argv: ["--tls-cert", "a", "--tls-key", "b"] }).tls, {
    kind: "files",
    certFile: "a",
    keyFile: "b",
  });
  assert.deepEqual(load({ argv: ["--tls=false"], environment: { CINNABAR_TLS: "true" } }).tls, { kind: "none" });
  refuses({ argv: ["--tls-cert", "a"] }, /belong together/);
  refuses({ argv: ["--tls-key", "a"] }, /belong together/);
  refuses({ argv: ["--tls", "--tls-cert", "a", "--tls-key", "b"] }, /use one of them/);
});

test("refuses an address that others can reach without TLS, unless told that it is meant", () => {
  for (const listen of ["0.0.0.0:8080", "192.0.2.1:80", "[::]:8080", "kms.example.com:443", "128.0.0.1:1"]) {
    refuses({ argv: ["--listen", listen] }, /without TLS they could read plaintexts.*--insecure-http/);
    load({ argv: ["--listen", listen, "--insecure-http"] });
    load({ argv: ["--listen", listen, "--tls"] });
  }
  for (const listen of ["127.9.9.9:1", "[::1]:8080", "localhost:0", "LOCALHOST:0", "[::ffff:127.0.0.1]:0"]) {
    load({ argv: ["--listen", listen] });
  }
});

test("masks the password of a database URL wherever it stands", () => {
  assert.equal(maskPassword("postgres://kms:p%40ss@db:5432/kms"), "postgres://kms:***@db:5432/kms");
  assert.equal(maskPassword("postgresql://:secret@db/kms"), "postgresql://:***@db/kms");
  assert.equal(
    maskPassword("postgres://db/kms?user=a&password=secret&x=1"),
    "postgres://db/kms?user=a&password=***&x=1",
  );
  assert.equal(maskPassword("postgres://kms@db/kms"), "postgres://kms@db/kms");
  assert.equal(maskPassword("sqlite:/srv/a:b@c"), "sqlite:/srv/a:b@c");
});

test("masks every password that a URL can hold", () => {
  const password = fc
    .string({ minLength: 8 })
    .map((text) => `<${text}>`)
    .filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(password, fc.constantFrom("postgres", "postgresql"), (text, scheme) => {
      const encoded = encodeURIComponent(text);
      assert(!maskPassword(`${scheme}://user:${encoded}@db/kms?application_name=x`).includes(encoded));
      assert(!maskPassword(`${scheme}://db/kms?password=${encoded}`).includes(encoded));
    }),
  );
});

test("spells each setting in three ways of its own", () => {
  assert.equal(flagOf("maxConnectionsPerAddress"), "--max-connections-per-address");
  assert.equal(variableOf("maxConnectionsPerAddress"), "CINNABAR_MAX_CONNECTIONS_PER_ADDRESS");
  assert.equal(new Set(SETTING_NAMES.map(flagOf)).size, SETTING_NAMES.length);
});

test("helps with every flag, within the width of the terminal", () => {
  const help = describeSettings({ columns: 100 });
  for (const name of SETTING_NAMES) assert(help.includes(`  ${flagOf(name)}`), name);
  for (const line of help.split("\n")) assert(line.length <= 100, line);
  assert(asksForHelp(["--data", "x", "--help"]));
  assert(!asksForHelp(["--data", "help"]));
});

test("finds where a store is as a server does, whatever else is set", () => {
  const find = ({ argv = [], environment = {}, files = {} }: Given) =>
    findStorePlace({ argv, environment, readFile: (path) => files[path] ?? "" });
  const byDefault = { data: "data", database: "sqlite:data/cinnabar.db", isDatabaseAlone: false };
  assert.deepEqual(find({}), byDefault);
  // A server with nothing more than this would not start.
  assert.deepEqual(find({ environment: { CINNABAR_LISTEN: "0.0.0.0:8443" } }), byDefault);
  const database = "postgres://cinnabar:secret@db.example.com/kms";
  const environment = { CINNABAR_DATABASE: database };
  assert.deepEqual(find({ environment }), { data: "data", database, isDatabaseAlone: true });
  assert.deepEqual(find({ environment, argv: ["--data=d"] }), { data: "d", database, isDatabaseAlone: false });
  const files = { "/etc/c.json": JSON.stringify({ data: "/srv/kms", database: "sqlite:" }) };
  const expected = { data: "/srv/kms", database: "sqlite:/srv/kms/cinnabar.db", isDatabaseAlone: false };
  assert.deepEqual(find({ argv: ["--config=/etc/c.json"], files }), expected);
  assert.deepEqual(find({ environment: { CINNABAR_CONFIG: "/etc/c.json" }, files }), expected);
  assert.throws(
    () => find({ argv: ["--database=mysql://x:secret@y"] }),
    (error) => {
      assert(error instanceof OperatorError);
      assert.match(error.message, /^--database: its value is wrong/);
      return true;
    },
  );
});
