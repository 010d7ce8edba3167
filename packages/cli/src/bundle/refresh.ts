import { fileURLToPath } from "node:url";
import { isTrustedUser } from "../code-cache.js";

const BUILDER = fileURLToPath(new URL("build-main.ts", import.meta.url));

let isWanted = false;

/** Says that this process runs the sources, and that the next one could have a bundle of them. */
export function wantBundle(): void {
  isWanted = true;
}

/**
 * Has the bundle made that was not there at the start, by another process, which takes its time and may outlive this one.
 * Whatever goes wrong there, the next start runs the sources again.
 */
export async function refreshBundle(): Promise<void> {
  if (!isWanted) return;
  isWanted = false;
  // Nobody would run what was made by somebody who could not have changed the sources.
  if (process.geteuid !== undefined && !isTrustedUser(process.geteuid())) return;
  const { spawn } = await import("node:child_process");
  spawn(process.execPath, [BUILDER, "--in-background"], {
    // It need not know what this process was told in its environment.
    env: {},
    stdio: "ignore",
    detached: true,
  })
    .on("error", () => undefined)
    .unref();
}
