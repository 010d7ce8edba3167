import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { Failure } from "./failure.mjs";
import { ask, run } from "./processes.mjs";

const SERVER_VERSIONS = "/usr/lib/postgresql";
const CLUSTER_SETTINGS = "/etc/postgresql-common/createcluster.conf";

/** The programs that tests need beside Node, each also the name of its Debian package. */
const tools = {
  postgresql: () =>
    existsSync(SERVER_VERSIONS) &&
    readdirSync(SERVER_VERSIONS).some((version) => existsSync(join(SERVER_VERSIONS, version, "bin", "postgres"))),
  strace: () => isInPath("strace"),
};

/**
 * Installs the Debian packages that tests need, where they are missing and this user may install them.
 *
 * @returns {Promise<Record<string, string>>} the environment for the tests: it names what is still missing, so that
 *   the tests which need it report themselves as skipped
 * @throws {Failure} if something is still missing and `CI` is set: there nothing may be skipped
 */
export async function installDebianPackages() {
  if (missingTools().length > 0) await install(missingTools());
  const missing = missingTools();
  if (missing.length === 0) return {};
  const advice = `Missing: ${missing.join(", ")}. On Debian or Ubuntu: apt-get install ${missing.join(" ")}`;
  if (isContinuousIntegration()) throw new Failure(advice);
  console.error(`${advice}\nUntil then the tests that need it are skipped.`);
  return { CINNABAR_TEST_MISSING: missing.join(" ") };
}

function missingTools() {
  return Object.entries(tools).flatMap(([name, isThere]) => (isThere() ? [] : [name]));
}

/** @param {string[]} packages */
async function install(packages) {
  const asRoot = await rootPrefix();
  if (asRoot === undefined || !isInPath("apt-get")) return;
  /** @param {string[]} args */
  const apt = (...args) => {
    const [program = "", ...rest] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
    return run(program, rest);
  };
  console.error(`Installing Debian packages: ${packages.join(" ")}`);
  await apt("update");
  const installPackages = () => apt("install", "--yes", "--no-install-recommends", ...packages);
  if (packages.includes("postgresql") && asRoot.length === 0) {
    await apt("install", "--yes", "--no-install-recommends", "postgresql-common");
    await withoutDefaultCluster(installPackages);
  } else {
    await installPackages();
  }
}

/**
 * Keeps Debian from making and starting a database server of its own, which the tests would never use.
 *
 * @param {() => Promise<unknown>} action
 */
async function withoutDefaultCluster(action) {
  const settings = await readFile(CLUSTER_SETTINGS, "utf8").catch(() => undefined);
  if (settings === undefined) return void (await action());
  await writeFile(CLUSTER_SETTINGS, `${settings}\ncreate_main_cluster = false\n`);
  try {
    await action();
  } finally {
    await writeFile(CLUSTER_SETTINGS, settings);
  }
}

/** What to put before a command to run it as root; undefined if this user may not. */
async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return (await ask("sudo", ["-n", "true"])) === undefined ? undefined : ["sudo", "-n"];
}

/** @param {string} program */
function isInPath(program) {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function isContinuousIntegration() {
  const value = process.env["CI"];
  return value !== undefined && value !== "" && value !== "false";
}
