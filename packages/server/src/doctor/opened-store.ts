import { open } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { peekDeployment, type StoreReader } from "@cinnabar/kernel";
import { connectTo, openForReading } from "../audit/sqlite-reader.ts";
import { isThere } from "../data-directory/atomic-file.ts";
import { openDatabase } from "../database.ts";

const SQLITE_SCHEME = "sqlite:";
/** Where a SQLite file says how it is written, and with which value by a log of writes: "Database File Format", 1.3.3. */
const WRITE_VERSION_AT = 18;
const WRITE_AHEAD_LOG = 2;

/** A store that is looked at and not touched. */
export interface OpenedStore extends AsyncDisposable {
  readonly reader: StoreReader;
  /** C2SP verifier key of the audit log; `undefined` if the store is empty. Not authenticated. */
  readonly verifierKey: string | undefined;
  readonly rootKeyCheck: string | undefined;
  /** Whether a SQLite file is written by way of a log of writes. */
  readonly hasWriteAheadLog: boolean;
}

/**
 * Opens the database for reading alone. A SQLite file that is not there is not made, and beside one that is in order and
 * in nobody's use SQLite makes none of its own.
 *
 * @param options.isInUse - whether a server may run on it.
 * @returns `undefined` if it is not there.
 * @throws OperatorError with a sentence if it cannot be used.
 */
export async function openStoreForReading(
  url: string,
  { isInUse }: { readonly isInUse: boolean },
): Promise<OpenedStore | undefined> {
  await using undo = new AsyncDisposableStack();
  let reader: StoreReader;
  let hasWriteAheadLog = false;
  if (url.startsWith(SQLITE_SCHEME)) {
    const path = url.slice(SQLITE_SCHEME.length);
    if (!(await isThere(path))) return undefined;
    // Before it is opened: to close a file ends the locks that this process has on it (fcntl(2)).
    hasWriteAheadLog = (await readWriteVersion(path)) === WRITE_AHEAD_LOG;
    const isAtRest = !isInUse && !(await isThere(`${path}-wal`));
    const database = undo.use(openForReading(isAtRest ? immutable(path) : path));
    reader = { kind: "sqlite", reader: connectTo(database), clock: () => Promise.resolve(Date.now()) };
  } else {
    reader = undo.adopt(await openDatabase(url), (backend) => backend.close());
  }
  const deployment = await peekDeployment(reader);
  const resources = undo.move();
  return {
    reader,
    verifierKey: deployment?.verifierKey,
    rootKeyCheck: deployment?.rootKeyCheck,
    hasWriteAheadLog,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Tells SQLite that nobody writes the file, so that it needs neither locks nor files beside it. */
function immutable(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return url;
}

/** `undefined` if the file is too short to say it. */
async function readWriteVersion(path: string): Promise<number | undefined> {
  await using file = await open(path);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, WRITE_VERSION_AT);
  return bytesRead === 1 ? buffer[0] : undefined;
}
