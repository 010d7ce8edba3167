import { getCompileCacheDir } from "node:module";
import { pathToFileURL } from "node:url";
import { type Bundle, bundlePath, findBundle } from "./bundle-file.ts";
import { nameOriginalPositions } from "./original-positions.ts";
import { wantBundle } from "./refresh.ts";

/** Flags of Node's for those who look into the modules, or put themselves between: tracing, debuggers, coverage. */
const LOOKING_IN = /(?:^|\s)(?:-r|--require|--import|--loader|--experimental-loader|--inspect[a-z-]*)(?:[\s=]|$)/;

/** Runs the program: its bundle if there is one of exactly the present sources, else the sources. */
export async function loadProgram(): Promise<void> {
  const bundle = wantsSources() ? undefined : lookForBundle();
  if (bundle?.state === "fresh") {
    nameOriginalPositions(bundle.codeHash);
    await import(pathToFileURL(bundlePath).href);
    return;
  }
  if (bundle?.state === "damaged") {
    process.stderr.write(`cinnabar: running the sources instead of their bundle: ${bundle.why}.\n`);
  }
  if (bundle !== undefined) wantBundle();
  await import("../main.ts");
}

function lookForBundle(): Bundle {
  try {
    return findBundle();
  } catch (error) {
    return { state: "damaged", why: String(error) };
  }
}

/** With Node's cache turned off, or modules of one's own that see those of the program, the modules are loaded one by one. */
function wantsSources(): boolean {
  // oxlint-disable-next-line no-restricted-properties -- Node's own settings
  const { NODE_OPTIONS = "", NODE_V8_COVERAGE } = process.env;
  const flags = [...process.execArgv, NODE_OPTIONS].join(" ");
  return getCompileCacheDir() === undefined || NODE_V8_COVERAGE !== undefined || LOOKING_IN.test(flags);
}
