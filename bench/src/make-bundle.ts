import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const BUNDLER = fileURLToPath(new URL("../../packages/cli/src/bundle/build-main.ts", import.meta.url));

/** Makes the bundle that servers start from. One that starts from the sources has it made for the next one, which is the usual one. */
export async function makeBundle(): Promise<void> {
  await promisify(execFile)(process.execPath, [BUNDLER]);
}
