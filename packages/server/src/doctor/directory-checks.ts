import type { Stats } from "node:fs";
import { readdir, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Configuration } from "../configuration/index.ts";
import { exposureWarnings, hasCode, RootAccessKeyFile } from "../data-directory/index.ts";
import { Findings } from "./finding.ts";
import { readHolder, type Holder } from "./holder.ts";

const GROUP_AND_OTHERS = 0o077;
/** Shares of the disk that are free: less than the first is worth a look, less than the second will not last. */
const LITTLE_FREE = 0.2;
const TOO_LITTLE_FREE = 0.05;
const GIGABYTE = 2 ** 30;
/** Files in the data directory that hold secrets or the store itself. */
const PRIVATE_FILE =
  /^(?:root\.key|root\.sealed|root-access-key\.json|ca-key\.pem|server-key\.pem|cinnabar\.db(?:-wal|-shm)?)$/;
/** Types of file systems (statfs(2)) on which SQLite's log of writes cannot be shared, or is gone with the power. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "SMB"],
  [0xfe534d42, "SMB"],
]);
const TMPFS = 0x01021994;
const SQLITE_SCHEME = "sqlite:";

/** Looks at the data directory, as it lies there. */
export async function checkDirectory(
  configuration: Configuration,
): Promise<{ findings: Findings; holder: Holder | undefined }> {
  const findings = new Findings();
  const { data } = configuration;
  const status = await statIfThere(data);
  if (status === undefined || !status.isDirectory()) {
    findings.problem("data directory", {
      found: status === undefined ? `${data} is not there` : `${data} is not a directory`,
      advice: "Name the right one with --data, or make a deployment with cinnabar init",
      see: "docs/operations.md",
    });
    return { findings, holder: undefined };
  }
  const databaseFile = sqliteFileOf(configuration);
  checkModes(findings, { data, status, open: await openFiles(data, databaseFile) });
  const holder = await readHolder(data);
  reportHolder(findings, holder);
  await checkDisks(findings, { data, databaseFile });
  const warnings = await exposureWarnings({
    directory: data,
    rootKeyPath: configuration.seal.kind === "file" ? configuration.seal.path : undefined,
    rootAccessKeyPath: new RootAccessKeyFile(data).path,
    checkpointPath: configuration.checkpointTo?.kind === "file" ? configuration.checkpointTo.path : undefined,
  });
  for (const found of warnings) {
    findings.warning("exposure", { found: found.replace(/\.$/, ""), see: "docs/operations.md#seals" });
  }
  if (warnings.length === 0) findings.ok("exposure", "no root key, AccessKey or checkpoint file lies beside the data");
  return { findings, holder };
}

function checkModes(
  findings: Findings,
  { data, status, open }: { data: string; status: Stats; open: readonly string[] },
): void {
  const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
  if ((status.mode & GROUP_AND_OTHERS) !== 0) {
    findings.problem("data directory", {
      found: `${data} has mode ${mode}: others than its owner can look into it, and no server starts on it`,
      advice: `Find out who could have read it, then run: chmod 700 ${data}`,
      see: "docs/operations.md",
    });
  } else if (process.getuid !== undefined && status.uid !== process.getuid() && process.getuid() !== 0) {
    findings.warning("data directory", {
      found: `${data} belongs to the user ${status.uid}, and this is ${process.getuid()}`,
      advice: "Run cinnabar as the user that the server runs as",
    });
  } else {
    findings.ok("data directory", `${data}, mode ${mode}, of user ${status.uid}`);
  }
  if (open.length > 0) {
    findings.problem("file modes", {
      found: `others than their owner may read or write ${open.join(", ")}`,
      advice: `Find out who could have read them, then run: chmod 600 ${open.join(" ")}`,
    });
  }
}

/** The store's file, wherever it is; `undefined` if the store is no file. */
function sqliteFileOf({ database }: Configuration): string | undefined {
  return database.startsWith(SQLITE_SCHEME) ? resolve(database.slice(SQLITE_SCHEME.length)) : undefined;
}

function reportHolder(findings: Findings, holder: Holder | undefined): void {
  if (holder === undefined) findings.ok("server", "none runs on this data directory");
  else if (holder.isSeen) findings.ok("server", `process ${holder.pid}, since ${holder.startedAt}`);
  else {
    findings.warning("server", {
      found: `process ${holder.pid} of ${holder.host}, since ${holder.startedAt}: from here it cannot be seen whether it still runs`,
      advice: "Run this where the server runs, in its container if it has one",
    });
  }
}

/** Paths of the private files that group or others may do something with. */
async function openFiles(data: string, databaseFile: string | undefined): Promise<string[]> {
  const names: string[] = await readdir(data);
  const paths = new Set(names.filter((name) => PRIVATE_FILE.test(name)).map((name) => resolve(data, name)));
  if (databaseFile !== undefined) {
    for (const suffix of ["", "-wal", "-shm"]) paths.add(`${databaseFile}${suffix}`);
  }
  const open: string[] = [];
  for (const path of [...paths].toSorted()) {
    const status = await statIfThere(path);
    if (status !== undefined && (status.mode & GROUP_AND_OTHERS) !== 0) open.push(path);
  }
  return open;
}

/** The data directory's disk, and the one that a SQLite file lies on. */
async function checkDisks(
  findings: Findings,
  { data, databaseFile }: { data: string; databaseFile: string | undefined },
): Promise<void> {
  const folders = new Map<number, string>();
  for (const folder of [data, ...(databaseFile === undefined ? [] : [dirname(databaseFile)])]) {
    const status = await statIfThere(folder);
    // One disk is named by the folder that fills it.
    if (status !== undefined) folders.set(status.dev, folder);
  }
  for (const folder of folders.values()) await checkDisk(findings, { folder, hasSqlite: databaseFile !== undefined });
}

async function checkDisk(
  findings: Findings,
  { folder, hasSqlite }: { folder: string; hasSqlite: boolean },
): Promise<void> {
  const { type, bsize, blocks, bavail } = await statfs(folder);
  const free = blocks === 0 ? 1 : bavail / blocks;
  const found = `${folder}: ${((bavail * bsize) / GIGABYTE).toFixed(1)} GiB free of ${((blocks * bsize) / GIGABYTE).toFixed(1)} GiB, ${Math.floor(free * 100)} %`;
  const advice = "Make room before the audit log cannot be written and every call is refused";
  const see = "docs/runbooks/disk-filling.md";
  if (free < TOO_LITTLE_FREE) findings.problem("disk", { found, advice, see });
  else if (free < LITTLE_FREE) findings.warning("disk", { found, advice, see });
  else findings.ok("disk", found);
  if (!hasSqlite) return;
  const network = NETWORK_FILE_SYSTEMS.get(type);
  if (network !== undefined) {
    findings.problem("file system", {
      found: `${folder} is on ${network}, where SQLite's locks and its log of writes do not hold`,
      advice: "Keep the data directory and the database on a disk of this machine, or use PostgreSQL",
    });
  } else if (type === TMPFS) {
    findings.warning("file system", {
      found: `${folder} is in memory: it is gone with the power`,
      advice: "Keep it on a disk",
    });
  }
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
