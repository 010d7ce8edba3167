import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type Backend, FileSeal, type SqlRow, type SqlValue } from "@cinnabar/kernel";
import { SigningSecret } from "@cinnabar/rpc";
import { openDatabase } from "../../src/database.ts";
import { CinnabarNode } from "../../src/node.ts";
import { AccountCaller, REGION } from "./two-accounts.ts";

interface AlarmLine {
  readonly alarm?: string;
  readonly runbook?: string;
  readonly msg: string;
  readonly problems?: readonly string[];
  readonly err?: { readonly message: string };
}

/** A node in this process, what it logs, and somebody who writes to its database and has no key. */
export class WatchedServer implements AsyncDisposable {
  readonly root: AccountCaller;
  readonly #node: CinnabarNode;
  readonly #backend: Backend;
  readonly #lines: readonly AlarmLine[];
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    node: CinnabarNode;
    root: AccountCaller;
    backend: Backend;
    lines: readonly AlarmLine[];
    resources: AsyncDisposableStack;
  }) {
    this.#node = parts.node;
    this.root = parts.root;
    this.#backend = parts.backend;
    this.#lines = parts.lines;
    this.#resources = parts.resources;
  }

  static async start(): Promise<WatchedServer> {
    await using resources = new AsyncDisposableStack();
    const path = await mkdtemp(join(tmpdir(), "cinnabar-tampering-"));
    resources.defer(() => rm(path, { recursive: true }));
    const database = `sqlite:${join(path, "cinnabar.db")}`;
    const lines: AlarmLine[] = [];
    let credentials: ConstructorParameters<typeof AccountCaller>[1] | undefined;
    const node = resources.use(
      await CinnabarNode.start({
        database,
        seal: new FileSeal(join(path, "root.key")),
        nodeId: randomBytes(16).toString("hex"),
        listen: { host: "127.0.0.1", port: 0 },
        adminListen: { host: "127.0.0.1", port: 0 },
        tls: undefined,
        create: {
          region: REGION,
          origin: "server.test/tampering-alarms",
          clockOffset: 0,
          async keep({ accountId, accessKeyId, secret }) {
            credentials = { accountId, accessKeyId, secret: new SigningSecret(secret) };
          },
        },
        log: {
          level: "info",
          destination: new Writable({
            write(chunk: Buffer, _encoding, done) {
              lines.push(JSON.parse(chunk.toString()) as AlarmLine);
              done();
            },
          }),
        },
        nonceSlots: 2 ** 16,
        trustedProxies: [],
        maxConnectionsPerAddress: 16,
        fatal(reason) {
          throw new Error(reason);
        },
      }),
    );
    assert.ok(credentials !== undefined);
    const root = new AccountCaller(node, credentials);
    const backend = resources.adopt(await openDatabase(database), (opened) => opened.close());
    return new WatchedServer({ node, root, backend, lines, resources: resources.move() });
  }

  async createKey(): Promise<string> {
    return (await this.root.call<{ KeyMetadata: { KeyId: string } }>("CreateKey")).KeyMetadata.KeyId;
  }

  async read(table: string, where: string): Promise<SqlRow> {
    const { rows } = await this.#backend.reader.execute(`SELECT * FROM ${table} WHERE ${where}`, []);
    return rows[0] ?? assert.fail(`${table} has no such row`);
  }

  async write(sql: string, parameters: readonly SqlValue[] = []): Promise<void> {
    await this.#backend.transaction("write", async (connection) => {
      await connection.execute(sql, parameters);
    });
  }

  /** Gives a row other values until it is disposed of. */
  async edit(table: string, where: string, values: SqlRow): Promise<AsyncDisposable> {
    const old = await this.read(table, where);
    const set = (row: SqlRow): Promise<void> =>
      this.write(
        `UPDATE ${table} SET ${Object.keys(row)
          .map((name) => `${name} = ?`)
          .join(", ")} WHERE ${where}`,
        Object.values(row),
      );
    await set(values);
    return { [Symbol.asyncDispose]: () => set(old) };
  }

  alarms(name: string): readonly AlarmLine[] {
    return this.#lines.filter(({ alarm }) => alarm === name);
  }

  /** A sweep as the server makes them all the time. */
  sweep(): Promise<readonly string[]> {
    return this.#node.sweeper.sweepOnce();
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#node.adminUrl}/metrics`)).text();
    const line = text.split("\n").find((found) => found.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? Number.NaN);
  }

  async readiness(): Promise<{ readonly ready: boolean; readonly reasons: readonly string[] }> {
    const answer = await fetch(`${this.#node.adminUrl}/readyz`);
    return (await answer.json()) as { ready: boolean; reasons: string[] };
  }

  async isReady(): Promise<boolean> {
    return (await this.readiness()).ready;
  }

  /** What is done has the server log one line of the alarm, with its page, and count it. @returns the line. */
  async raisesAlarm(message: string, done: () => Promise<void>): Promise<AlarmLine> {
    const [counted, logged] = [await this.metric("cinnabar_tampered_rows_total"), this.alarms("tampered-row").length];
    await done();
    const lines = this.alarms("tampered-row").slice(logged);
    const line = lines.find(({ msg }) => msg === message);
    assert.ok(line !== undefined, `the log has the alarm: ${JSON.stringify(lines)}`);
    assert.equal(line.runbook, "docs/runbooks/tampered-row.md");
    assert.ok((await this.metric("cinnabar_tampered_rows_total")) > counted, "the metric counts it");
    assert.equal(await this.metric('cinnabar_alarm{alarm="tampered-row"}'), 1);
    return line;
  }

  async raisesAlarmAtSweep(problem: RegExp): Promise<void> {
    const line = await this.raisesAlarm("the store was tampered with", async () => void (await this.sweep()));
    assert.ok(
      line.problems?.every((text) => problem.test(text)),
      line.problems?.join("\n"),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}
