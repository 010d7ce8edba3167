import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `body` with an empty directory that is removed afterwards. */
export async function withTemporaryDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-audit-"));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
