import { cp, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { linkPackages } from "../linked-packages.ts";
import { checkout } from "../server-process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "./temporary-directory.ts";

/** One change to a source file: an exact text that must stand there once, and what to put in its place. */
export interface SourcePatch {
  /** Relative to the checkout. */
  readonly file: string;
  readonly find: string;
  readonly replacement: string;
}

const LEFT_OUT = new Set(["node_modules", "test"]);

/**
 * A copy of this checkout's sources with one line changed, to see a rig fail that must fail without it. Packages from
 * the registry are shared with the checkout.
 *
 * @throws Error if the text to be replaced is not there exactly once: then the sources have changed, and so must the patch.
 */
export async function patchedSources(patch: SourcePatch): Promise<TemporaryDirectory> {
  const directory = await temporaryDirectory();
  try {
    await copySources(directory.path);
    const path = join(directory.path, patch.file);
    const source = await readFile(path, "utf8");
    const parts = source.split(patch.find);
    if (parts.length !== 2) {
      throw new Error(`${patch.file} has ${parts.length - 1} times, not once, the text to be replaced: ${patch.find}`);
    }
    await writeFile(path, parts.join(patch.replacement));
    return directory;
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

/** Copies this checkout's sources; packages from the registry are shared with it. */
export async function copySources(directory: string): Promise<void> {
  await cp(join(checkout, "packages"), join(directory, "packages"), {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(basename(path)),
  });
  await cp(join(checkout, "package.json"), join(directory, "package.json"));
  await linkPackages(directory);
}
