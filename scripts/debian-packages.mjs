import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Failure } from "./failure.mjs";
import { ask, root, run } from "./processes.mjs";

const SERVER_VERSIONS = "/usr/lib/postgresql";
const CLUSTER_SETTINGS = "/etc/postgresql-common/createcluster.conf";
/** With the repository's own tools, which come first in PATH. */
const promtool = join(root, "node_modules", ".bin", "promtool");

/** The programs that tests need beside Node, each also the name of its Debian package. */
const tools = {
  postgresql: () =>
    existsSync(SERVER_VERSIONS) &&
    readdirSync(SERVER_VERSIONS).some((version) => existsSync(join(SERVER_VERSIONS, version, "bin", "postgres"))),
  openssl: () => isInPath("openssl"),
  strace: () => isInPath("strace"),
  systemd: () => isInPath("systemd-analyze"),
  prometheus: () => isInPath("promtool") || existsSync(promtool),
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

/** @param {string[]} missing */
async function install(missing) {
  const packages = missing.filter((name) => name !== "prometheus");
  const asRoot = await rootPrefix();
  if (asRoot === undefined || !isInPath("apt-get")) return;
  /** @param {string[]} args */
  const apt = (...args) => {
    const [program = "", ...rest] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
    return run(program, rest);
  };
  console.error(`Installing Debian packages: ${missing.join(" ")}`);
  await apt("update");
  if (packages.length < missing.length) await takePromtool();
  if (packages.length === 0) return;
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

/** In a folder for this user alone, takes promtool alone out of Prometheus' package, which would start a server of its own when it is installed. */
async function takePromtool() {
  const folder = await mkdtemp(join(tmpdir(), "cinnabar-promtool-"));
  try {
    // Where root downloads, it is otherwise a user without rights who writes, and then others could too.
    const download = 'cd "$1" && apt-get -qq -o APT::Sandbox::User=root download prometheus';
    if ((await run("sh", ["-c", download, "sh", folder])) !== 0) throw new Error("apt-get cannot download it");
    const [file, ...others] = await readdir(folder);
    if (file === undefined || others.length > 0) throw new Error("apt-get left something other than one file");
    if ((await run("dpkg-deb", ["--extract", join(folder, file), folder])) !== 0) throw new Error(`${file} is broken`);
    await copyFile(join(folder, "usr", "bin", "promtool"), promtool);
  } catch (error) {
    console.error(`promtool cannot be had: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
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
