import { execFile, execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { sharedPostgres } from "../postgres.ts";
import { temporaryDirectory } from "../crash/temporary-directory.ts";
import { checkout } from "../server-process.ts";
import { makeSampleDeployment, type Sample } from "./sample-deployment.ts";

/** Where data directories of earlier states are kept, one folder each. */
const FIXTURES = join(checkout, "packages/testkit/test/fixtures/data-directories");

/** What a folder holds for each kind of database: the data directory, and beside it what is not in the directory. */
const KINDS = ["sqlite", "postgresql"] as const;
export type FixtureKind = (typeof KINDS)[number];

/** A data directory as an earlier state left it, in a place of its own. */
export interface UnpackedFixture extends AsyncDisposable {
  readonly sample: Sample;
  readonly data: string;
  readonly database?: string;
}

/** The names of the states that are kept. */
export async function listFixtures(): Promise<string[]> {
  const entries = await readdir(FIXTURES, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** Has the server in `sources` make a fixture of each kind. @throws Error if there is one of that name. */
export async function makeFixture({ name, sources }: { name: string; sources: string }): Promise<string> {
  const folder = join(FIXTURES, name);
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(folder);
  for (const kind of KINDS) {
    await using directory = await temporaryDirectory();
    const data = join(directory.path, "data");
    const database = kind === "sqlite" ? undefined : await (await sharedPostgres()).createDatabase();
    const sample = await makeSampleDeployment({
      data,
      sources,
      end: "SIGTERM",
      untilCounted: true,
      ...(database !== undefined && { database }),
    });
    await run("tar", ["-C", directory.path, "--owner=0", "--group=0", "-czf", join(folder, `${kind}.tar.gz`), "data"]);
    await writeFile(join(folder, `${kind}.json`), `${JSON.stringify(sample, undefined, 2)}\n`);
    if (database === undefined) continue;
    const options = { encoding: "utf8", maxBuffer: 1 << 28 } as const;
    const dump = execFileSync("pg_dump", ["--no-owner", "--no-privileges", `--dbname=${database}`], options);
    await writeFile(join(folder, "postgresql.sql.gz"), gzipSync(withoutGuards(dump), { level: 9 }));
  }
  return folder;
}

/** Puts a fixture where a server can be started on it. */
export async function unpackFixture(name: string, kind: FixtureKind): Promise<UnpackedFixture> {
  const folder = join(FIXTURES, name);
  const sample = JSON.parse(await readFile(join(folder, `${kind}.json`), "utf8")) as Sample;
  await using undo = new AsyncDisposableStack();
  const { path } = undo.use(await temporaryDirectory());
  await run("tar", ["-C", path, "--no-same-owner", "-xpzf", join(folder, `${kind}.tar.gz`)]);
  const data = join(path, "data");
  let database: string | undefined;
  if (kind === "postgresql") {
    const server = await sharedPostgres();
    const url = await server.createDatabase();
    undo.defer(() => server.dropDatabase(url));
    const dump = gunzipSync(await readFile(join(folder, "postgresql.sql.gz")));
    execFileSync("psql", ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", `--dbname=${url}`], {
      input: dump,
      stdio: ["pipe", "ignore", "inherit"],
    });
    database = url;
  }
  const resources = undo.move();
  return {
    sample,
    data,
    ...(database !== undefined && { database }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Newer dumps begin and end with commands of psql that an older psql does not know. */
function withoutGuards(dump: string): string {
  return dump.replace(/^\\(?:un)?restrict .*\n/gm, "");
}

async function run(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args);
}
