import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** A server that ran from a copy of the sources may have left a process that makes its bundle, and still writes there. */
const REMOVAL = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 } as const;

/** A directory for its owner alone that is gone with all that is in it when it is disposed. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "cinnabar-rig-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, REMOVAL) };
}
