import { parseArgs } from "node:util";
import { startPostgres } from "../postgres.ts";
import { proveDurability } from "./durability-rig.ts";
import { killOnPostgresql, killOnSqlite } from "./kill-rig.ts";
import { rightsOnPostgresql, rightsOnSqlite } from "./rights-rig.ts";
import { revocationOnPostgresql, revocationOnSqlite } from "./revocation-rig.ts";
import { formatReports, type RigReport } from "./rig-report.ts";
import { SeededRandom } from "./seeded-random.ts";
import { sweepOnPostgresql, sweepOnSqlite } from "./sweep-rig.ts";

const KILLS_ON_SQLITE = 100;
const KILLS_ON_POSTGRESQL = 20;
const ANSWERS = 500;
const FLIPS = 1_000;
/** Of each right. */
const FLIPS_OF_RIGHTS = 200;

const USAGE = `Usage: npm run test:crash -- [--only NAME] [--kills N] [--seed N]

Kills servers and databases under load, and checks what must hold. Exits with 1 if something does not.

  --only NAME  only the rigs whose name contains NAME
  --kills N    kills of each kind (default: ${KILLS_ON_SQLITE} on SQLite, ${KILLS_ON_POSTGRESQL} on PostgreSQL)
  --seed N     repeats the choices of an earlier run

Rigs:`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    kills: { type: "string" },
    seed: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const kills = parseCount("--kills", values.kills);
const seed = parseCount("--seed", values.seed) ?? Math.floor(Math.random() * 2 ** 32);

const random = new SeededRandom(seed);
const startedAt = performance.now();

const rigs: Readonly<Record<string, () => Promise<RigReport>>> = {
  durability: () => proveDurability({ answers: ANSWERS, random, progress }),
  "kill-sqlite": () => killOnSqlite({ kills: kills ?? KILLS_ON_SQLITE, random, progress }),
  "kill-postgresql": async () => {
    await using postgres = await startPostgres();
    const count = kills ?? KILLS_ON_POSTGRESQL;
    return await killOnPostgresql({ kills: count, databaseKills: count, postgres, random, progress });
  },
  "revocation-sqlite": () => revocationOnSqlite({ flips: FLIPS, random }),
  "revocation-postgresql": async () => {
    await using postgres = await startPostgres();
    return await revocationOnPostgresql({ database: await postgres.createDatabase(), flips: FLIPS, random });
  },
  "rights-sqlite": () => rightsOnSqlite({ flips: FLIPS_OF_RIGHTS, random, progress }),
  "rights-postgresql": async () => {
    await using postgres = await startPostgres();
    return await rightsOnPostgresql({
      database: await postgres.createDatabase(),
      flips: FLIPS_OF_RIGHTS,
      random,
      progress,
    });
  },
  "sweep-sqlite": () => sweepOnSqlite({ progress }),
  "sweep-postgresql": async () => {
    await using postgres = await startPostgres();
    return await sweepOnPostgresql({ database: await postgres.createDatabase(), progress });
  },
};

if (values.help) {
  print(`${USAGE} ${Object.keys(rigs).join(", ")}`);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const chosen = Object.entries(rigs).filter(([name]) => name.includes(values.only));
  if (chosen.length === 0) throw new RangeError(`no rig is called ${values.only}: ${Object.keys(rigs).join(", ")}`);
  progress(`seed ${seed}`);
  const reports: RigReport[] = [];
  for (const [name, run] of chosen) {
    progress(`${name} begins`);
    reports.push(await run().catch((error: unknown) => failed(name, error)));
  }
  print(`\n${formatReports(reports)}`);
  return reports.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

function failed(name: string, error: unknown): RigReport {
  return { name, figures: {}, problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)] };
}

function progress(message: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(7);
  print(`${seconds} s  ${message}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function parseCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^[0-9]{1,10}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new RangeError(`${option} takes a whole number, not ${text}`);
}
