import { rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bundlePath } from "./bundle-file.ts";

/** Who holds the lock for longer has been killed, or is so slow that a second one does no harm. */
const HELD_MILLIS = 60_000;

/** Does something, unless another process is at it. */
export async function withBuildLock(work: () => Promise<void>): Promise<void> {
  const path = join(dirname(dirname(bundlePath)), "bundle.building");
  const held = await stat(path).catch(() => undefined);
  if (held !== undefined && held.mtimeMs < Date.now() - HELD_MILLIS) await rm(path, { force: true });
  try {
    await writeFile(path, "", { flag: "wx" });
  } catch {
    return;
  }
  try {
    await work();
  } finally {
    await rm(path, { force: true });
  }
}
