import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import {
  alarm,
  type DayTotals,
  kyselyOn,
  type Logger,
  type Metrics,
  readDayTotals,
  readStoreTime,
  type Store,
  VOLUME_DAY_MILLIS,
} from "@cinnabar/kernel";
import { sql } from "kysely";
import type { Job } from "../jobs/index.ts";
import { forecastDisk } from "./disk-forecast.ts";
import type { RetentionPolicy } from "./retention-policy.ts";

const EVERY_MILLIS = 15_000;
/** The alarm is raised from this share of the disk on, and cleared below the other. */
const RAISED_FROM = 0.8;
const CLEARED_BELOW = 0.75;
/** Pause between two lines of the same alarm, in milliseconds. */
const REPEAT_MILLIS = 600_000;
const SQLITE_SCHEME = "sqlite:";

/** A file system as `statfs` has it. */
export interface DiskSpace {
  /** Bytes of a block; the others are numbers of blocks. */
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Free for others than the superuser. */
  readonly bavail: number;
}

interface DatabaseSpace {
  readonly databaseBytes: number;
  /** What is free in its file: SQLite uses that first. */
  readonly reusableBytes: number;
}

/**
 * Tells metrics how much the audit log gets and how full the disk is, and raises an alarm when the disk of an embedded
 * database is filling. The disk of a PostgreSQL server cannot be seen from here.
 */
export class DiskWatch implements Job {
  readonly name = "disk-watch";
  readonly everyMillis = EVERY_MILLIS;
  readonly runsOn = "every-node";
  readonly #store: Pick<Store, "backend" | "reader">;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #policy: RetentionPolicy;
  /** The folder of an embedded database. */
  readonly #folder: string | undefined;
  readonly #statfs: (path: string) => Promise<DiskSpace>;
  #isFilling = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  /**
   * @param options.database - its URL.
   * @param options.statfs - Node's, but in tests.
   */
  constructor(options: {
    store: Pick<Store, "backend" | "reader">;
    log: Logger;
    metrics: Metrics;
    policy: RetentionPolicy;
    database: string;
    statfs?: (path: string) => Promise<DiskSpace>;
  }) {
    this.#store = options.store;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#policy = options.policy;
    const { database } = options;
    this.#folder = database.startsWith(SQLITE_SCHEME) ? dirname(database.slice(SQLITE_SCHEME.length)) : undefined;
    this.#statfs = options.statfs ?? statfs;
    this.#metrics.watchAlarm("disk-filling", () => this.#isFilling);
  }

  async run(): Promise<boolean> {
    const { backend } = this.#store;
    const days = await readDayTotals(kyselyOn(backend.kind, backend.reader));
    const today = Math.floor((await readStoreTime(backend)) / VOLUME_DAY_MILLIS);
    this.#metrics.auditVolumeRead(readingOf(days, today));
    const { databaseBytes, reusableBytes } = await this.#readDatabase();
    if (this.#folder === undefined) {
      this.#metrics.diskRead({ databaseBytes });
      return false;
    }
    const disk = await this.#statfs(this.#folder);
    // As df counts: what is kept for the superuser is no part of it.
    const sizeBytes = (disk.blocks - disk.bfree + disk.bavail) * disk.bsize;
    const freeBytes = disk.bavail * disk.bsize + reusableBytes;
    const daysUntilFull = forecastDisk({ days, today, freeBytes, policy: this.#policy });
    this.#metrics.diskRead({ databaseBytes, sizeBytes, freeBytes, daysUntilFull });
    this.#judge({ sizeBytes, freeBytes, daysUntilFull });
    return false;
  }

  async #readDatabase(): Promise<DatabaseSpace> {
    const { reader } = this.#store;
    if (this.#store.backend.kind === "postgresql") {
      const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(
        reader,
      );
      return { databaseBytes: rows[0]?.bytes ?? 0, reusableBytes: 0 };
    }
    const { rows } = await sql<{ pages: number; free: number; page: number }>`
      select page_count as pages, freelist_count as free, page_size as page
      from pragma_page_count, pragma_freelist_count, pragma_page_size`.execute(reader);
    const { pages = 0, free = 0, page = 0 } = rows[0] ?? {};
    return { databaseBytes: pages * page, reusableBytes: free * page };
  }

  #judge(disk: { sizeBytes: number; freeBytes: number; daysUntilFull: number | undefined }): void {
    const used = disk.sizeBytes === 0 ? 0 : 1 - disk.freeBytes / disk.sizeBytes;
    const fields = { usedPercent: Math.floor(used * 100), ...disk };
    if (this.#isFilling && used < CLEARED_BELOW) {
      this.#isFilling = false;
      this.#log.info(fields, "the disk has room again");
      return;
    }
    if (!this.#isFilling && used < RAISED_FROM) return;
    const now = performance.now();
    if (this.#isFilling && now - this.#toldAt < REPEAT_MILLIS) return;
    this.#isFilling = true;
    this.#toldAt = now;
    this.#log.error({ ...alarm("disk-filling"), ...fields }, "the disk is filling: when it is full, calls are refused");
  }
}

function readingOf(days: readonly DayTotals[], today: number) {
  const bytesOf = (day: DayTotals | undefined) => (day?.bodyBytes ?? 0) + (day?.treeBytes ?? 0);
  const [now, before] = [today, today - 1].map((number) => days.find(({ day }) => day === number));
  return {
    logBytes: days.reduce((total, day) => total + bytesOf(day) - day.droppedBytes, 0),
    eventsToday: now?.events ?? 0,
    eventsYesterday: before?.events ?? 0,
    bytesToday: bytesOf(now),
    bytesYesterday: bytesOf(before),
  };
}
