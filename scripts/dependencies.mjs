import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { Failure } from "./failure.mjs";
import { root, run } from "./processes.mjs";

/**
 * @typedef {{ version?: string, resolved?: string, optional?: boolean }} Entry
 * @typedef {{ packages: Record<string, Entry> }} Lock
 */

/**
 * Runs `npm ci` unless node_modules holds what package-lock.json asks for.
 *
 * @throws {Failure} if npm fails
 */
export async function installDependencies() {
  if (await isInstalled()) return;
  console.error("Installing dependencies: npm ci");
  // npm ci deletes node_modules, and with it the Node that lies there: npm itself must run on the host's.
  const PATH = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join("node_modules", ".bin")))
    .join(delimiter);
  const code = await run("npm", ["ci", "--loglevel=error"], { environment: { PATH } });
  if (code !== 0) throw new Failure(`npm ci failed with exit code ${code}; its message stands above.`);
}

/** npm leaves a record of what it installed, written last; a missing or differing entry means an install is due. */
async function isInstalled() {
  const wanted = await readLock("package-lock.json");
  const installed = await readLock(join("node_modules", ".package-lock.json"));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted.packages)
    .filter(([path]) => path !== "")
    .every(([path, { version, resolved, optional }]) => {
      const found = installed.packages[path];
      if (found === undefined) return optional === true;
      return found.version === version && (resolved === undefined || found.resolved === resolved);
    });
}

/**
 * @param {string} path
 * @returns {Promise<Lock | undefined>}
 */
async function readLock(path) {
  try {
    return /** @type {Lock} */ (JSON.parse(await readFile(join(root, path), "utf8")));
  } catch {
    return undefined;
  }
}
