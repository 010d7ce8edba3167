import { generateKeyPairSync, hash, randomBytes, randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import {
  type BatchRow,
  CONTROL_SHARD,
  droppedEvents,
  encodeEvent,
  encodeSystemEvent,
  type EventObject,
  headerLeaf,
  kernelMigrations,
  logOrigin,
  migrate,
  readBatchRow,
  sealBatch,
  signRetentionRecord,
  SqliteBackend,
  STORED_SUM_BYTES,
  type SystemEventName,
} from "@cinnabar/kernel";
import { Frontier, NoteSigner, signCheckpoint } from "@cinnabar/merkle-log";

export const ORIGIN = "kms.example/audit";
const START = Date.UTC(2026, 0, 1);

interface FixtureLog {
  frontier: Frontier;
  seq: number;
  incarnation: Buffer;
}

/** A store's audit logs in a SQLite file, written as servers write them, without servers. */
export class AuditFixture implements Disposable {
  readonly database: DatabaseSync;
  readonly signer = new NoteSigner({ name: ORIGIN, key: generateKeyPairSync("ed25519").privateKey });
  readonly #logs = new Map<number, FixtureLog>();
  #epoch = 0;
  #time = START;

  private constructor(path: string) {
    this.database = new DatabaseSync(path);
    this.database.exec("PRAGMA synchronous = OFF");
  }

  /** Makes the file with the kernel's tables, a deployment and the first entry of its control log. */
  static async create(path: string): Promise<AuditFixture> {
    const backend = await SqliteBackend.open(path);
    await migrate(backend, kernelMigrations);
    await backend.close();
    const fixture = new AuditFixture(path);
    const { verifierKey } = fixture.signer;
    fixture.database
      .prepare(
        `INSERT INTO deployment (id, region, origin, root_key_check, verifier_key, wrapped_signing_key, created_at, revision, mac)
         VALUES (1, 'cn-hangzhou', ?, 'check', ?, x'00', 0, 1, x'00')`,
      )
      .run(ORIGIN, verifierKey);
    fixture.control("InitDeployment", { origin: ORIGIN, verifierKey });
    return fixture;
  }

  get verifierKey(): string {
    return this.signer.verifierKey;
  }

  log(shard: number): FixtureLog {
    let log = this.#logs.get(shard);
    if (log === undefined) {
      log = { frontier: Frontier.empty(), seq: 0, incarnation: randomBytes(16) };
      this.#logs.set(shard, log);
    }
    return log;
  }

  /** A control transaction; its event is one of the system's. */
  control(name: SystemEventName, data: EventObject): void {
    this.#control((epoch) => this.systemEvent(name, data, epoch));
  }

  /** A control transaction that a caller caused. */
  controlCall(eventName: string): void {
    this.#control((epoch) => this.callEvent(eventName, epoch));
  }

  openShard(shard: number): void {
    const log = this.log(shard);
    log.incarnation = randomBytes(16);
    const incarnation = log.incarnation.toString("hex");
    this.control("OpenShard", { shard, node: hash("md5", `${shard}`), incarnation, closedBefore: true });
  }

  closeShard(shard: number): void {
    const { seq, frontier } = this.log(shard);
    const root = frontier.root().toString("base64");
    this.control("CloseShard", { shard, lastSeq: seq, size: frontier.size, root });
  }

  /** The next process of a node whose last one did not close its shard. */
  reopenAfterCrash(shard: number): void {
    this.openShard(shard);
    this.append(shard, [this.systemEvent("MarkCrash", { shard, inDoubtSeq: this.log(shard).seq })]);
  }

  /** Appends a batch of calls. */
  calls(shard: number, count: number): void {
    this.append(
      shard,
      Array.from({ length: count }, () => this.callEvent("Encrypt")),
    );
  }

  append(shard: number, events: readonly string[]): void {
    this.#insert(this.seal(shard, events));
  }

  /** The next batch of a log, as a row that is not stored yet. */
  seal(shard: number, events: readonly string[], epoch = this.#epoch): BatchRow {
    const log = this.log(shard);
    this.#time += 7;
    log.seq += 1;
    const { row, frontier } = sealBatch(
      {
        shard,
        seq: log.seq,
        incarnation: log.incarnation,
        epoch,
        time: this.#time,
        sum: randomBytes(STORED_SUM_BYTES),
      },
      { frontier: log.frontier, events },
    );
    log.frontier = frontier;
    return row;
  }

  /** Drops the bodies of these batches, and puts it on record. @param ranges - of one log, by seq. */
  drop(shard: number, ranges: readonly [number, number][]): void {
    const rows = ranges.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, index) => this.row(shard, first + index)),
    );
    for (const row of rows) this.dropBody(row);
    this.recordDrop({ shard, ranges, headers: rows.map(headerLeaf) });
  }

  /** Puts it on record that retention dropped the bodies of batches with these headers. */
  recordDrop(options: {
    readonly shard: number;
    readonly ranges: readonly [number, number][];
    readonly headers: readonly Uint8Array[];
    readonly keepSeconds?: number;
    readonly signer?: NoteSigner;
    readonly epochs?: number;
  }): void {
    const { shard, ranges, keepSeconds = 0, signer = this.signer, epochs = 0 } = options;
    const headers = hash("sha256", Buffer.concat(options.headers), "base64");
    const logs = [{ shard, events: options.headers.length, headers, ranges }];
    this.#control((epoch) => {
      const rule = { rule: "age", keepSeconds } as const;
      const record = signRetentionRecord({ rule, time: this.#time + 7, epoch: epoch + epochs, logs }, signer);
      return this.systemEvent("DropEventBodies", { ...rule, events: 1, bytes: 1, record }, epoch);
    });
  }

  /** Drops the body of one batch, unrecorded. */
  dropBody({ shard, seq, events }: Pick<BatchRow, "shard" | "seq" | "events">): void {
    const update = "UPDATE audit_batch SET events = ? WHERE shard = ? AND seq = ?";
    this.database.prepare(update).run(droppedEvents(events), shard, seq);
  }

  row(shard: number, seq: number): BatchRow {
    const row = this.database.prepare("SELECT * FROM audit_batch WHERE shard = ? AND seq = ?").get(shard, seq);
    return readBatchRow(row as Parameters<typeof readBatchRow>[0]);
  }

  /** Signs and stores the newest checkpoint of every log. */
  checkpoint(): void {
    const insert = this.database.prepare("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)");
    for (const [shard, { frontier }] of this.#logs) {
      if (frontier.size > 0) insert.run(shard, frontier.size, this.note(shard));
    }
  }

  note(shard: number): string {
    const { frontier } = this.log(shard);
    const head = { origin: logOrigin(ORIGIN, shard), size: frontier.size, root: frontier.root() };
    return signCheckpoint(head, this.signer);
  }

  systemEvent(name: SystemEventName, data: EventObject, epoch = this.#epoch): string {
    const eventId = randomUUID().toUpperCase();
    return encodeSystemEvent({ name, region: "cn-hangzhou", eventId, time: this.#time, epoch, data });
  }

  callEvent(eventName: string, epoch = this.#epoch): string {
    const account = "1234567890123456";
    return encodeEvent({
      acsRegion: "cn-hangzhou",
      additionalEventData: {
        epoch,
        keyId: randomUUID(),
        mfaPresent: false,
        nonceDigest: randomBytes(16).toString("base64url"),
        secureTransport: false,
      },
      apiVersion: "2016-01-20",
      eventId: randomUUID().toUpperCase(),
      eventName,
      eventRW: "Read",
      eventSource: "127.0.0.1:8443",
      eventTime: this.#time,
      eventType: "ApiCall",
      recipientAccountId: account,
      requestParameters: { "EncryptionContext.tenant": "ä/\u2028", KeyId: "alias/orders" },
      serviceName: "Kms",
      sourceIpAddress: "127.0.0.1",
      userAgent: "audit fixture",
      userIdentity: {
        accessKeyId: "LTAI0000000000000000",
        accountId: account,
        principalId: account,
        type: "root-account",
        userName: "root",
      },
    });
  }

  [Symbol.dispose](): void {
    this.database.close();
  }

  #control(encode: (epoch: number) => string): void {
    this.#epoch += 1;
    this.log(CONTROL_SHARD).incarnation = randomBytes(16);
    this.append(CONTROL_SHARD, [encode(this.#epoch)]);
  }

  #insert(row: BatchRow): void {
    insertBatch(this.database, row);
  }
}

export function insertBatch(database: DatabaseSync, row: BatchRow): void {
  const { shard, seq, incarnation, firstIndex, eventCount, epoch, time, events, leaves, frontier, sum } = row;
  database
    .prepare("INSERT INTO audit_batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .run(shard, seq, incarnation, firstIndex, eventCount, epoch, time, events, leaves, frontier, sum);
}

/**
 * A small deployment with everything that happens to logs: two closed shards, one of them opened twice; one that
 * crashed and is still open; one without entries; corrections; stored checkpoints of all.
 */
export function writeRichLogs(fixture: AuditFixture): void {
  fixture.openShard(1);
  fixture.openShard(2);
  for (let round = 0; round < 3; round++) {
    fixture.calls(1, 3);
    fixture.calls(2, 1);
    fixture.controlCall("DisableKey");
  }
  fixture.closeShard(2);
  fixture.openShard(3);
  fixture.calls(3, 5);
  fixture.calls(3, 2);
  fixture.closeShard(3);
  fixture.reopenAfterCrash(1);
  fixture.append(1, [
    fixture.callEvent("Decrypt"),
    fixture.systemEvent("CorrectAnswers", { answered: 503, eventIds: ["A", "B"] }),
  ]);
  fixture.openShard(4);
  fixture.checkpoint();
  fixture.openShard(2);
  for (let round = 0; round < 3; round++) fixture.calls(2, 2);
  fixture.closeShard(2);
  for (let round = 0; round < 5; round++) fixture.calls(1, 1 + round);
  fixture.checkpoint();
}

/** What {@link writeRichLogs} writes, after retention: some bodies of every log are dropped, the control log's too. */
export function writeRetainedLogs(fixture: AuditFixture): void {
  writeRichLogs(fixture);
  fixture.drop(1, [[1, 2]]);
  fixture.drop(2, [[1, 2]]);
  fixture.drop(3, [[1, 1]]);
  fixture.drop(1, [
    [6, 6],
    [8, 9],
  ]);
  // Disabling a key is a caller's control transaction; what stands between is the system's, and stays.
  fixture.drop(CONTROL_SHARD, [[4, 6]]);
  fixture.checkpoint();
}
