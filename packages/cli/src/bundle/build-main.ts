import { constants, setPriority } from "node:os";
import { enableCodeCache } from "../code-cache.js";
import { findBundle } from "./bundle-file.ts";

// A process of its own: `npm run bundle`, and in the background after a server has started from the sources.

const TRIES = 5;

// Who may change what will run is not left to the user's mask.
process.umask(0o022);
const inBackground = process.argv.includes("--in-background");
if (inBackground) setPriority(constants.priority.PRIORITY_LOW);

if (findBundle().state === "fresh") {
  console.log("There is a bundle of the present sources.");
} else if (enableCodeCache()) {
  // The directory is there now too.
  if (inBackground) await buildAlone();
  else await build();
} else process.exitCode = 1;

/** Of many servers that start at once, one is enough to have it done; and the next one will try again. */
async function buildAlone(): Promise<void> {
  const [{ buildBundle }, { withBuildLock }] = await Promise.all([import("./build.ts"), import("./build-lock.ts")]);
  await withBuildLock(buildBundle);
}

async function build(): Promise<void> {
  const { buildBundle, ChangingSourcesError } = await import("./build.ts");
  for (let tries = 1; ; tries++) {
    try {
      await buildBundle();
      console.log("Made a bundle of the present sources.");
      return;
    } catch (error) {
      if (!(error instanceof ChangingSourcesError) || tries === TRIES) throw error;
    }
  }
}
