import { hash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { dirname, isAbsolute, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Plugin, rolldown } from "rolldown";
import { isSystemError } from "../failure.ts";
import { takeBuiltins } from "./builtins.ts";
import { checkout } from "../code-cache.js";
import { bundlePath, digestOf, encodeBundle, type Sources, sourceMapPath } from "./bundle-file.ts";
import type { BundleMap } from "./original-positions.ts";

/** Somebody is at work on the sources. */
export class ChangingSourcesError extends Error {
  override readonly name = "ChangingSourcesError";
}

const PROGRAM = fileURLToPath(new URL("../main.ts", import.meta.url));
/** npm's record of what it has installed, and so of what the names of packages mean. */
const INSTALLED = join(checkout, "node_modules", ".package-lock.json");
/** File systems say when a file was changed by a clock that ticks this coarsely at most. */
const TICK_MILLIS = 50;
const TEMPORARY = ".tmp";
/** What a process left that was killed while it wrote is removed after this time. */
const LEFT_OVER_MILLIS = 10 * 60_000;

/** Runs before the bundle, and what it keeps is for the program: in the bundle it would be there twice. */
const SHARED = join(checkout, "packages/kernel/src/store/sqlite/early-threads.ts");
const SHARED_NAME = /\/(?:early-threads\.ts|sqlite-threads)$/;

/** Leaves the shared module where it is. */
const sharing: Plugin = {
  name: "sharing",
  resolveId: {
    filter: { id: SHARED_NAME },
    async handler(name, importer) {
      const found = await this.resolve(name, importer, { skipSelf: true });
      return found?.id === SHARED ? { id: pathToFileURL(SHARED).href, external: true } : found;
    },
  },
};

const OTHER_META = /\bimport\.meta\b(?!\.url\b)/;

/** Each module as Node runs it: Node itself strips the types, and a module still finds what lies beside its source. */
const asNodeRuns: Plugin = {
  name: "as-node-runs",
  load: {
    filter: { id: /\.(?:ts|mjs|js)$/ },
    async handler(id) {
      const source = await readFile(id, "utf8");
      const isOurs = id.endsWith(".ts");
      if (isOurs && OTHER_META.test(source))
        throw new Error(`${id} takes from import.meta what a bundle does not keep`);
      const code = isOurs ? stripTypeScriptTypes(source) : source;
      const url = JSON.stringify(pathToFileURL(id).href);
      return { code: code.replaceAll(/\bimport\.meta\.url\b/g, () => url), moduleType: "js" };
    },
  },
};

/**
 * Makes the bundle: all modules of the program in one file, in the order in which Node would run them.
 *
 * @throws {@link ChangingSourcesError} if they change meanwhile; then nothing was written.
 */
export async function buildBundle(): Promise<void> {
  const startedAt = Date.now();
  await using bundler = await rolldown({
    input: PROGRAM,
    cwd: checkout,
    platform: "node",
    tsconfig: false,
    treeshake: false,
    plugins: [sharing, asNodeRuns],
    // What cannot be found is looked for when it is needed, as with the sources: optional parts of packages.
    logLevel: "silent",
  });
  const { output } = await bundler.generate({
    file: bundlePath,
    format: "esm",
    codeSplitting: false,
    keepNames: true,
    minify: false,
    sourcemap: "hidden",
    sourcemapExcludeSources: true,
    comments: { legal: true, annotation: false, jsdoc: false },
  });
  const chunk = output[0];
  if (chunk.map === null) throw new Error("the bundler made no source map");

  const inputs = await inputsOf(chunk.moduleIds.filter(isAbsolute));
  const sources = await readSources(inputs, { unchangedSince: startedAt - TICK_MILLIS });
  await writeBundle({ code: takeBuiltins(chunk.code), map: chunk.map, sources });
}

/** All that the bundle depends on, relative to the checkout: its modules, what says what their names mean, and this. */
async function inputsOf(modules: readonly string[]): Promise<string[]> {
  const builder = ["build-main.ts", "build.ts", "builtins.ts", "bundle-file.ts", "../code-cache.js"].map((name) =>
    join(import.meta.dirname, name),
  );
  const bundler = join(checkout, "node_modules/rolldown/package.json");
  const installed = existsSync(INSTALLED) ? [INSTALLED] : [];
  const paths = new Set([...modules, ...modules.map(packageOf), ...builder, bundler, SHARED, ...installed]);
  return [...paths].map((path) => relative(checkout, path)).toSorted();
}

/** The package.json that tells Node how to take a module. */
function packageOf(module: string): string {
  const folder = dirname(module);
  const path = join(folder, "package.json");
  return existsSync(path) || folder === dirname(folder) ? path : packageOf(folder);
}

/**
 * What is in the files now. Only if none has changed since before the bundler read it, that is what the bundle has too.
 *
 * @throws {@link ChangingSourcesError} if one has.
 */
async function readSources(paths: readonly string[], options: { readonly unchangedSince: number }): Promise<Sources> {
  const files = await Promise.all(paths.map(async (path) => [path, (await stat(join(checkout, path))).size] as const));
  const digest = digestOf(files);
  // After they were read: a change that this does not see yet is not in the digest either.
  const all = await Promise.all(paths.map((path) => stat(join(checkout, path))));
  if (digest === undefined || all.some(({ ctimeMs }) => ctimeMs >= options.unchangedSince)) {
    throw new ChangingSourcesError("the sources changed while they were bundled");
  }
  return { files, digest };
}

async function writeBundle(made: {
  readonly code: string;
  readonly map: Omit<BundleMap, "codeHash">;
  readonly sources: Sources;
}): Promise<void> {
  const { code, map, sources } = made;
  // In the bundle there is a line in front of the code.
  const shifted = { ...map, mappings: `;${map.mappings}`, codeHash: hash("sha256", code) } satisfies BundleMap;
  const folder = dirname(bundlePath);
  // Only below what is there: the checkout may be gone meanwhile, and stay so.
  await mkdir(folder, { mode: 0o755 }).catch(assertThere);
  await removeLeftOvers(folder);
  // Two files cannot be replaced at once; a map is taken for that of its own bundle only.
  await replaceFile(sourceMapPath, JSON.stringify(shifted));
  await replaceFile(bundlePath, encodeBundle({ sources, code }));
}

/** Whoever looks finds the whole new file or what was there before, however this ends, and whoever else does the same. */
async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString("hex")}${TEMPORARY}`;
  try {
    await writeFile(temporary, content, { flag: "wx", mode: 0o644, flush: true });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

function assertThere(error: unknown): void {
  if (!isSystemError(error) || error.code !== "EEXIST") throw error;
}

async function removeLeftOvers(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(TEMPORARY));
  for (const path of names.map((name) => join(folder, name))) {
    const written = await stat(path).catch(() => undefined);
    if (written !== undefined && written.mtimeMs < Date.now() - LEFT_OVER_MILLIS) await rm(path, { force: true });
  }
}
