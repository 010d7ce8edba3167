import { existsSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { ask, root } from "./processes.mjs";

// The first release whose node:sqlite is a release candidate.
const NEEDED = [24, 15];

/**
 * Finds a Node that runs Cinnabar: the one running this script, else the one that npm installed in node_modules.
 *
 * @returns {Promise<string>} its path
 * @throws {Failure} if neither is new enough
 */
export async function findNode() {
  await linkPackagedNode(join(root, "node_modules"));
  if (isNewEnough(process.version)) return process.execPath;
  const packaged = join(root, "node_modules", ".bin", "node");
  const version = await ask(packaged, ["--version"]);
  if (version !== undefined && isNewEnough(version)) return packaged;
  throw new Failure(
    `Cinnabar needs Node ${NEEDED.join(".")} or newer. This is Node ${process.versions.node}, and npm has no newer one ` +
      `for ${process.platform} on ${process.arch}: please install Node 24 and try again.`,
  );
}

/**
 * Puts the packaged Node where `npm exec` finds it. npm 9 and 10 install it without that link: they take away those of the
 * package for the other processor, which have the same names.
 *
 * @param {string} modules - the folder node_modules
 */
export async function linkPackagedNode(modules) {
  const program = join(`node-${process.platform}-${process.arch}`, "bin", "node");
  const link = join(modules, ".bin", "node");
  if (existsSync(link) || !existsSync(join(modules, program))) return;
  // Another command may have come first, or the folder may not be written: then who looks for it finds none, and says so.
  await symlink(join("..", program), link).catch(() => undefined);
}

/** @param {string} version - as Node prints it, with or without the "v" */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = NEEDED;
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}
