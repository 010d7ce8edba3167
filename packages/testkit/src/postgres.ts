import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { appendFile, chown, mkdtemp, open, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client, escapeIdentifier, escapeLiteral, type QueryResultRow } from "pg";

const START_MILLIS = 30_000;
const POLL_MILLIS = 20;
const USER = "cinnabar";

const SETTINGS = `
listen_addresses = '127.0.0.1'
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 128MB
max_connections = 100
`;

/**
 * Ends the server and removes its directory once the standard input ends: when `stop` closes it, or when the process
 * that started it is gone, however it ended. The directory tells our server from another process with a reused number.
 */
const GUARDIAN = `
cat > /dev/null
data="$1/data"
pid=$(head -n 1 "$data/postmaster.pid" 2> /dev/null)
runs() { [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2> /dev/null)" = "$data" ]; }
if runs; then kill -QUIT "$pid"; fi
while runs; do sleep 0.02; done
rm -rf "$1"
`;

/** A PostgreSQL server of this process alone: durable as in production, on 127.0.0.1, superuser with a random password. */
export interface TestPostgres extends AsyncDisposable {
  /** The process id of the postmaster; another one after `restart`. */
  readonly pid: number;
  /** The URL of a database of this server, existing or not, with the password. */
  url(databaseName: string): string;
  /** Makes an empty database of a new name and gives its URL. */
  createDatabase(): Promise<string>;
  /** Drops a database made here, ending the sessions that still use it. */
  dropDatabase(url: string): Promise<void>;
  /** Changes a setting of the running server (ALTER SYSTEM and reload); new sessions see it when this returns. */
  setting(change: { name: string; value: string }): Promise<void>;
  /** Signals the postmaster: SIGINT ends it in order, SIGQUIT as in a crash, SIGKILL without any cleaning up. */
  kill(signal: NodeJS.Signals): void;
  /** Starts the server again at the same address and over the same data, ending it in order first if it runs. */
  restart(): Promise<void>;
  /** Ends the server and removes its data. Happens by itself when the process that started it ends. */
  stop(): Promise<void>;
}

/**
 * Starts Debian's PostgreSQL, newest version installed, with a fresh cluster in a temporary directory; as the user
 * `postgres` where this process is root's, since the server refuses to run as root. Text sorts by language, not by
 * byte, where the version can (15 and later): so do many servers in the field, and a query must not depend on it.
 *
 * @throws Error if it is not installed or does not start; the message ends with the server's log
 */
export async function startPostgres(): Promise<TestPostgres> {
  const installation = findInstallation();
  const account = serverAccount();
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-postgres-"));
  if (account !== undefined) await chown(directory, account.uid, account.gid);
  const guardian = spawn("sh", ["-c", GUARDIAN, "guardian", directory], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    ...account,
  });
  guardian.unref();
  const password = randomBytes(16).toString("hex");
  const cluster = new Cluster({ programs: installation.programs, account, directory, guardian, password });
  try {
    await initialize({ installation, account, directory, password });
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

let shared: Promise<TestPostgres> | undefined;

/** The one server that all tests of this process share, started at the first call. It ends with the process. */
export function sharedPostgres(): Promise<TestPostgres> {
  shared ??= startPostgres();
  return shared;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface Installation {
  readonly version: number;
  readonly programs: string;
}

class Cluster implements TestPostgres {
  readonly #programs: string;
  readonly #account: Account | undefined;
  readonly #directory: string;
  readonly #guardian: ChildProcess;
  readonly #password: string;
  #port = 0;
  #server: ChildProcess | undefined;

  constructor(parts: {
    programs: string;
    account: Account | undefined;
    directory: string;
    guardian: ChildProcess;
    password: string;
  }) {
    this.#programs = parts.programs;
    this.#account = parts.account;
    this.#directory = parts.directory;
    this.#guardian = parts.guardian;
    this.#password = parts.password;
  }

  get pid(): number {
    const pid = this.#server?.pid;
    if (pid === undefined) throw new Error("PostgreSQL is not running");
    return pid;
  }

  url(databaseName: string): string {
    return `postgresql://${USER}:${this.#password}@127.0.0.1:${this.#port}/${databaseName}`;
  }

  async createDatabase(): Promise<string> {
    const name = `test_${randomBytes(8).toString("hex")}`;
    await this.#query(`create database ${escapeIdentifier(name)}`);
    return this.url(name);
  }

  async dropDatabase(url: string): Promise<void> {
    const name = new URL(url).pathname.slice(1);
    await this.#query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
  }

  async setting({ name, value }: { name: string; value: string }): Promise<void> {
    const loadedAt = () => this.#query<{ at: string }>("select pg_conf_load_time()::text as at");
    const before = await loadedAt();
    await this.#query(`alter system set ${escapeIdentifier(name)} = ${escapeLiteral(value)}`);
    await this.#query("select pg_reload_conf()");
    while ((await loadedAt())[0]?.at === before[0]?.at) await sleep(POLL_MILLIS);
  }

  kill(signal: NodeJS.Signals): void {
    this.#server?.kill(signal);
  }

  async restart(): Promise<void> {
    this.kill("SIGINT");
    await this.#ended();
    await this.start();
  }

  /** Starts the postmaster, again where the port was taken meanwhile or a killed server's sessions are not gone yet. */
  async start(): Promise<void> {
    const restarted = this.#port !== 0;
    const endAt = Date.now() + START_MILLIS;
    while (Date.now() < endAt) {
      if (!restarted) this.#port = await freePort();
      if (await this.#launch(endAt)) return;
      await sleep(POLL_MILLIS);
    }
    throw new Error(`PostgreSQL did not start:\n${await readFile(this.#log, "utf8").catch(() => "")}`);
  }

  async stop(): Promise<void> {
    if (this.#guardian.exitCode !== null) return;
    this.#guardian.ref();
    const cleaned = once(this.#guardian, "exit");
    this.#guardian.stdin?.end();
    await this.#ended();
    await cleaned;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #log(): string {
    return join(this.#directory, "log");
  }

  /** Starts the postmaster once; false if it ended before it took a connection. */
  async #launch(endAt: number): Promise<boolean> {
    await using log = await open(this.#log, "a");
    const server = spawn(
      join(this.#programs, "postgres"),
      ["-D", join(this.#directory, "data"), "-k", this.#directory, "-p", String(this.#port)],
      { stdio: ["ignore", log.fd, log.fd], detached: true, ...this.#account },
    );
    server.unref();
    this.#server = server;
    while (isRunning(server) && Date.now() < endAt) {
      if (await this.#answers()) return true;
      await sleep(POLL_MILLIS);
    }
    return false;
  }

  #answers(): Promise<boolean> {
    return this.#query("select 1").then(
      () => true,
      () => false,
    );
  }

  async #ended(): Promise<void> {
    const server = this.#server;
    if (server === undefined || !isRunning(server)) return;
    server.ref();
    await once(server, "exit");
  }

  async #query<Row extends QueryResultRow>(sql: string): Promise<Row[]> {
    const client = new Client({ connectionString: this.url("postgres") });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

async function initialize(parts: {
  installation: Installation;
  account: Account | undefined;
  directory: string;
  password: string;
}): Promise<void> {
  const { installation, account, directory, password } = parts;
  const data = join(directory, "data");
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
  const byLanguage = installation.version >= 15 ? ["--locale-provider=icu", "--icu-locale=en"] : [];
  await promisify(execFile)(
    join(installation.programs, "initdb"),
    [
      `--pgdata=${data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--no-locale",
      ...byLanguage,
      "--no-sync",
    ],
    { cwd: directory, ...account },
  );
  await appendFile(join(data, "postgresql.conf"), SETTINGS);
}

function findInstallation(): Installation {
  const parent = "/usr/lib/postgresql";
  const installations = (existsSync(parent) ? readdirSync(parent) : [])
    .map((version) => ({ version: Number(version), programs: join(parent, version, "bin") }))
    .filter(({ programs }) => existsSync(join(programs, "postgres")))
    .toSorted((one, other) => other.version - one.version);
  if (installations[0] === undefined) {
    throw new Error("PostgreSQL is not installed; on Debian or Ubuntu: apt-get install postgresql");
  }
  return installations[0];
}

/** Whom the server runs as; undefined for this process's own user. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (option: string) => Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
  return { uid: ask("-u"), gid: ask("-g") };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
