import { randomBytes } from "node:crypto";
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Failure, fileFailure } from "./failure.ts";
import { type Io, write } from "./io.ts";

const PRIVATE = 0o600;

/**
 * Refuses to write where a file is, unless it may be replaced: before any work is done, and at the end once more.
 *
 * @throws Failure
 */
export async function assertWritable({ path, replace }: Destination): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw fileFailure(`Cannot write ${path}`, error);
  });
  if (found === undefined) return;
  if (!found.isFile()) throw new Failure(`${path} is not a regular file: choose another name with -o.`);
  if (!replace) throw exists(path);
}

export interface Destination {
  readonly path: string;
  /** Whether a file of that name is replaced. */
  readonly replace: boolean;
}

/**
 * Writes a file, readable by its owner alone, that is there whole and durable, or not at all: if `chunks` or the disk
 * fails, nothing remains. If the process is killed, a file named `.cinnabar-….tmp` may remain beside it.
 *
 * @returns its size in bytes.
 * @throws Failure if it cannot be written, or whatever `chunks` throws.
 */
export async function writeWhole(destination: Destination, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const folder = dirname(destination.path);
  const temporary = join(folder, `.cinnabar-${randomBytes(8).toString("hex")}.tmp`);
  try {
    await using handle = await open(temporary, "wx", PRIVATE);
    await handle.writeFile(chunks);
    await handle.sync();
    const { size } = await handle.stat();
    await publish(temporary, destination);
    await syncFolder(folder);
    return size;
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw fileFailure(`Cannot write ${destination.path}`, error);
  }
}

/**
 * Writes to the standard output, but only after the last of `chunks` has come: until then they wait in a temporary file
 * that has no name.
 *
 * @throws Failure if it cannot be written, or whatever `chunks` throws.
 */
export async function writeVerified(chunks: AsyncIterable<Uint8Array>, io: Io): Promise<number> {
  const folder = tmpdir();
  await using handle = await openNameless(folder);
  try {
    await handle.writeFile(chunks);
  } catch (error) {
    throw fileFailure(`Cannot write a temporary file in ${folder}`, error);
  }
  return await writeOut(handle.createReadStream({ start: 0, autoClose: false }), io);
}

/** Writes to the standard output as it comes. @throws Failure if it cannot, or whatever `chunks` throws. */
export async function writeOut(chunks: AsyncIterable<unknown>, io: Io): Promise<number> {
  let size = 0;
  try {
    for await (const chunk of chunks) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("only bytes are written");
      await write(io.stdout, chunk);
      size += chunk.length;
    }
  } catch (error) {
    throw fileFailure("Cannot write to the standard output", error);
  }
  return size;
}

async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `.cinnabar-${randomBytes(8).toString("hex")}.tmp`);
  try {
    const handle = await open(path, "wx+", PRIVATE);
    await unlink(path);
    return handle;
  } catch (error) {
    throw fileFailure(`Cannot write a temporary file in ${folder}`, error);
  }
}

/** Gives a finished file its name. */
async function publish(temporary: string, { path, replace }: Destination): Promise<void> {
  await assertWritable({ path, replace });
  if (replace) return rename(temporary, path);
  try {
    // Unlike rename this cannot replace what another program has put there in the meantime.
    await link(temporary, path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") throw exists(path);
    // Some file systems, such as those of memory cards, have no links.
    return rename(temporary, path);
  }
  await unlink(temporary);
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path);
  await folder.sync();
}

function exists(path: string): Failure {
  return new Failure(`${path} exists: choose another name with -o, or replace it with --force.`);
}
