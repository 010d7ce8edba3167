import { readFile } from "node:fs/promises";
import { Findings } from "./finding.ts";

/** The listener takes 4,096 connections, and the store, logs and admin listener need some more. */
const FEW_DESCRIPTORS = 8192;
const HARDENING = "docs/operations.md#as-a-service-of-systemd";

/**
 * Looks at what the system does with the memory of the server, and how much it may open.
 *
 * @param pid - of the running server; without one, what a server started from here would get.
 */
export async function checkHost(pid: number | undefined): Promise<Findings> {
  const findings = new Findings();
  findings.ok("node", `Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`);
  const limits = await readText(`/proc/${pid ?? "self"}/limits`);
  const swaps = await readText("/proc/swaps");
  if (limits !== undefined) {
    checkCoreDumps(findings, limitOf(limits, "Max core file size"));
    checkDescriptors(findings, limitOf(limits, "Max open files"));
  }
  if (swaps !== undefined) checkSwap(findings, swaps);
  return findings;
}

function checkCoreDumps(findings: Findings, limit: string | undefined): void {
  if (limit === "0") {
    findings.ok("core dumps", "off");
    return;
  }
  findings.warning("core dumps", {
    found: "on: a crash may write key material to the disk",
    advice: "Set LimitCORE=0 in the service, or run ulimit -c 0 before the start",
    see: HARDENING,
  });
}

function checkDescriptors(findings: Findings, limit: string | undefined): void {
  if (limit === undefined) return;
  if (limit === "unlimited" || Number(limit) >= FEW_DESCRIPTORS) {
    findings.ok("open files", `${limit} allowed`);
    return;
  }
  findings.warning("open files", {
    found: `${limit} allowed: connections beyond that are not taken`,
    advice: `Set LimitNOFILE=${FEW_DESCRIPTORS} or more in the service, or run ulimit -n`,
    see: HARDENING,
  });
}

function checkSwap(findings: Findings, swaps: string): void {
  const areas = swaps
    .split("\n")
    .slice(1)
    .flatMap((line) => /^(\S+)/.exec(line)?.[1] ?? []);
  // What is compressed in memory never meets a disk.
  const onDisk = areas.filter((area) => !area.startsWith("/dev/zram"));
  if (onDisk.length === 0) {
    findings.ok("swap", "none on a disk");
    return;
  }
  findings.warning("swap", {
    found: `memory may be swapped out to ${onDisk.join(", ")}, key material with it`,
    advice: "Turn swap off (MemorySwapMax=0 in the service) or see to it that it is encrypted",
    see: HARDENING,
  });
}

/** The soft limit. */
function limitOf(limits: string, name: string): string | undefined {
  return new RegExp(`^${name} +(\\S+)`, "m").exec(limits)?.[1];
}

/** `undefined` where the system has no such file. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
