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
  if (isNewEnough(process.version)) return process.execPath;
  const packaged = join(root, "node_modules", ".bin", "node");
  const version = await ask(packaged, ["--version"]);
  if (version !== undefined && isNewEnough(version)) return packaged;
  throw new Failure(
    `Cinnabar needs Node ${NEEDED.join(".")} or newer. This is Node ${process.versions.node}, and npm has no newer one ` +
      `for ${process.platform} on ${process.arch}: please install Node 24 and try again.`,
  );
}

/** @param {string} version - as Node prints it, with or without the "v" */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = NEEDED;
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}
