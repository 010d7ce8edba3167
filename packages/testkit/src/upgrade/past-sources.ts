import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryDirectory, type TemporaryDirectory } from "../crash/temporary-directory.ts";
import { linkPackages } from "../linked-packages.ts";
import { checkout } from "../server-process.ts";

/** The sources of an earlier commit need a package that is not installed any more, so they cannot be run here. */
export class MissingPackageError extends Error {
  override readonly name = "MissingPackageError";
}

/**
 * The state before this one: the commit that is checked out where its sources were changed since, else the one before.
 *
 * @returns `undefined` if this is no clone, or one without that commit.
 */
export async function previousCommit(): Promise<string | undefined> {
  const changed = await git("status", "--porcelain", "--", "packages");
  if (changed === undefined) return undefined;
  return git("rev-parse", "--verify", "--quiet", changed === "" ? "HEAD^" : "HEAD");
}

/**
 * The sources of a commit, to be run with the packages of the registry that are installed here.
 *
 * @throws {@link MissingPackageError}
 */
export async function pastSources(commit: string): Promise<TemporaryDirectory> {
  const directory = await temporaryDirectory();
  try {
    const archive = join(directory.path, "sources.tar");
    await run("git", ["archive", `--output=${archive}`, commit, "package.json", "packages"]);
    await run("tar", ["-C", directory.path, "-xf", archive]);
    await assertInstalled(directory.path);
    await linkPackages(directory.path);
    return directory;
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

async function assertInstalled(directory: string): Promise<void> {
  for (const name of await readdir(join(directory, "packages"))) {
    const manifest = JSON.parse(await readFile(join(directory, "packages", name, "package.json"), "utf8")) as {
      readonly dependencies?: Readonly<Record<string, string>>;
    };
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      const places = [join(checkout, "node_modules"), join(checkout, "packages", name, "node_modules")];
      if (dependency.startsWith("@cinnabar/") || places.some((place) => existsSync(join(place, dependency)))) continue;
      throw new MissingPackageError(`packages/${name} needed ${dependency}, which is not installed any more`);
    }
  }
}

/** What git prints; `undefined` if it fails or is not there. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run("git", args)).trim();
  } catch {
    return undefined;
  }
}

async function run(program: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(program, args, { cwd: checkout })).stdout;
}
