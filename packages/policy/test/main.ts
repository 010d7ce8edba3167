import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";

const USAGE = `usage: npm run test:policy -- [--count N] [--seed N]

Decides random policies and requests with the evaluator and with the slow reference of the tests, and compares outcomes,
statements named, windows and explanations. Exits with 1 at the first difference, reduced to what makes it.

  --count N  scenarios (default: 1,000,000)
  --seed N   of the first scenario; each has the next (default: by chance)
`;

const STEP = 50_000;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    help: { type: "boolean", default: false },
  },
});

const count = Number(values.count);
const seed = Number(values.seed);
const areNumbers = Number.isSafeInteger(count) && count > 0 && Number.isSafeInteger(seed) && seed >= 0;
if (values.help || !areNumbers) {
  process.stdout.write(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else compareAll();

function compareAll(): void {
  process.stdout.write(`seed ${seed}, ${count.toLocaleString("en-US")} scenarios\n`);
  const totals = new Map<string, number>();
  const startedAt = performance.now();
  for (let done = 0; done < count; done += STEP) {
    const outcomes = runCampaign({ seed: seed + done, count: Math.min(STEP, count - done), explainEvery: 20 });
    for (const [outcome, seen] of outcomes) totals.set(outcome, (totals.get(outcome) ?? 0) + seen);
  }
  for (const [outcome, seen] of totals)
    process.stdout.write(`${seen.toLocaleString("en-US").padStart(12)}  ${outcome}\n`);
  process.stdout.write(`no difference, ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
}
