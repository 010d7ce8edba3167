import { parseArgs } from "node:util";
import { describe, type TargetReport } from "./src/engine/campaign.ts";
import { formatReport, formatSummary } from "./src/report.ts";
import { runFuzz } from "./src/run.ts";
import { closeTargets, findTarget, targets } from "./src/targets/index.ts";

const COUNT = 1_000_000;

const USAGE = `Usage: npm run test:fuzz -- [--target NAME]... [--count N] [--seed N]

Mutates bytes of everything that comes from outside, and checks what must hold whatever they are: no crash, no hang,
every refusal typed, nothing changed by what was refused. Exits with 1 if something does not hold.

  --target NAME  only this one; may be repeated
  --count N      mutations of all targets together (default: ${COUNT.toLocaleString("en-US")})
  --seed N       repeats the mutations of an earlier run
  --at N         with one target: begins at its N-th mutation, and tries that one alone unless --count says more
  --replay HEX   with one target: tries these bytes
  --json         prints the reports as JSON

Targets:
${targets.map(({ name, what }) => `  ${name.padEnd(14)} ${what}`).join("\n")}
`;

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true, default: [] },
    count: { type: "string" },
    seed: { type: "string" },
    at: { type: "string" },
    replay: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) print(USAGE);
else process.exitCode = values.replay === undefined ? await mutateAll() : await replay(values.replay);

async function mutateAll(): Promise<number> {
  const chosen = values.target.length === 0 ? targets : values.target.map(findTarget);
  const first = parseNumber("--at", values.at);
  if (first !== undefined && chosen.length !== 1) throw new RangeError("--at needs one --target");
  const count = parseNumber("--count", values.count) ?? (first === undefined ? COUNT : 1);
  const seed = parseNumber("--seed", values.seed) ?? Math.floor(Math.random() * 2 ** 32);
  if (!values.json) print(`seed ${seed}, ${count.toLocaleString("en-US")} mutations\n`);
  const startedAt = performance.now();
  const onReport = (report: TargetReport) => {
    if (!values.json) print(formatReport(report, seed));
  };
  const reports = await runFuzz({ targets: chosen, seed, count, first: first ?? 0, onReport });
  const millis = performance.now() - startedAt;
  print(values.json ? JSON.stringify({ seed, count, millis, reports }) : formatSummary(reports, millis));
  return reports.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

async function replay(hex: string): Promise<number> {
  const [name, ...others] = values.target;
  if (name === undefined || others.length > 0) throw new RangeError("--replay needs one --target");
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) throw new RangeError("--replay takes bytes in hexadecimal");
  try {
    await using target = await findTarget(name).open();
    print(await target.attempt(Buffer.from(hex, "hex")));
    await target.endRound?.();
    return 0;
  } catch (error) {
    print(describe(error));
    return 1;
  } finally {
    await closeTargets();
  }
}

function parseNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,10}$/.test(text)) throw new RangeError(`${option} takes a whole number, not ${text}`);
  return Number(text);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
