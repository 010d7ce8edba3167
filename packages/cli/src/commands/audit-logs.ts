import { join } from "node:path";
import { MerkleError, NoteVerifier } from "@cinnabar/merkle-log";
import {
  type AuditProgress,
  ExportedLogs,
  locateStore,
  type LogSource,
  OperatorError,
  type StorePlace,
  UnreadableLogError,
  withDatabaseLogs,
} from "@cinnabar/server";
import { Failure, fileFailure, UsageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import { readText } from "../read-text.ts";

/** Where the logs are, and which key signs their checkpoints. */
export interface LogOptions {
  /** A data directory. */
  readonly data?: string;
  /** `sqlite:PATH` or `postgres://…` */
  readonly database?: string;
  /** A server's configuration file. */
  readonly config?: string;
  /** A folder that `audit export` wrote. */
  readonly from?: string;
  /** A verifier key, or a file that has one. */
  readonly key?: string;
}

const LOOKS_LIKE_A_KEY = /^[^\s+]+\+[0-9a-f]{8}\+/;

/**
 * Runs `body` on the logs that the options name.
 *
 * @throws Failure for what the operator can put right, and what else `body` throws.
 */
export async function withLogs<T>(options: LogOptions, body: (source: LogSource) => Promise<T>): Promise<T> {
  const { from } = options;
  if (from !== undefined && (options.data ?? options.database ?? options.config) !== undefined) {
    throw new UsageFailure("The logs are in exported files or in a database: give --from, or --data and --database.");
  }
  if (from === undefined) return readingDatabase(() => withDatabaseLogs(databaseOf(options), body));
  return reading("exported logs", () => body(new ExportedLogs(from)));
}

/** The URL of the database that the options name, or else the environment or a configuration file. @throws UsageFailure */
export function databaseOf(options: StoreOptions): string {
  return placeOf(options).database;
}

type StoreOptions = Pick<LogOptions, "data" | "database" | "config">;

function placeOf({ data, database, config }: StoreOptions): StorePlace {
  const flags = Object.entries({ data, database, config }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
  try {
    return locateStore(flags);
  } catch (error) {
    if (error instanceof OperatorError) throw new UsageFailure(error.message, { cause: error });
    throw error;
  }
}

/** Makes what the operator can put right of what `read` throws a Failure. */
export function readingDatabase<T>(read: () => Promise<T>): Promise<T> {
  return reading("database", read);
}

async function reading<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof OperatorError || error instanceof UnreadableLogError) {
      throw new Failure(error.message, { cause: error });
    }
    throw fileFailure(`Cannot read the ${what}`, error);
  }
}

/** The verifier key that `--key` gives or names, else the one that was saved in the data directory. */
export async function loadVerifierKey(options: LogOptions): Promise<string> {
  const { key } = options;
  if (key !== undefined && LOOKS_LIKE_A_KEY.test(key)) return checked(key, "--key");
  const path = key ?? savedKeyPath(options);
  return checked((await readText(path)).trim(), path);
}

function savedKeyPath(options: LogOptions): string {
  const place = placeOf(options);
  if (place.isDatabaseAlone || (options.from !== undefined && options.data === undefined)) {
    throw new UsageFailure("Add --key with the verifier key that was printed and saved when the deployment was made.");
  }
  return join(place.data, "audit-verifier.vkey");
}

function checked(verifierKey: string, from: string): string {
  try {
    NoteVerifier.parse(verifierKey);
    return verifierKey;
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    throw new Failure(`${from} has no verifier key, which reads NAME+ID+KEY: ${error.message}.`, { cause: error });
  }
}

/** Shows how many events of the logs, one after the other, were gone through. */
export class EventProgress implements Disposable {
  readonly #progress: Progress;
  #current: AuditProgress = { log: "", events: 0 };

  constructor(label: string, io: Io) {
    this.#progress = new Progress(io, { label, unit: "events" });
  }

  readonly onProgress = (next: AuditProgress): void => {
    this.#progress.advance(next.events - (next.log === this.#current.log ? this.#current.events : 0));
    this.#current = next;
  };

  [Symbol.dispose](): void {
    this.#progress[Symbol.dispose]();
  }
}
