import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Runs `body` with an empty directory that is removed afterwards. */
export async function withTemporaryDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-audit-"));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** An empty directory that is removed after the test. */
export async function temporaryDirectory(test: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-server-"));
  test.after(() => rm(directory, { recursive: true }));
  return directory;
}
