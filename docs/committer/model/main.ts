import { type Exploration, explore } from "./explore.ts";
import { MUTANTS, SCENARIOS, type Scenario } from "./scenarios.ts";

const wanted = process.argv[2] ?? "";

for (const scenario of [...SCENARIOS, ...MUTANTS]) {
  if (!scenario.name.includes(wanted)) continue;
  const startedAt = performance.now();
  const exploration = explore(scenario.model);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const asExpected = isAsExpected(scenario, exploration);
  if (!asExpected) process.exitCode = 1;
  const { states, ends } = exploration;
  process.stdout.write(
    `${asExpected ? "as expected" : "UNEXPECTED "}  ${scenario.name}: ${describe(exploration)}; ` +
      `${states} states, ${ends} ends, ${seconds} s\n`,
  );
}

function describe({ failure }: Exploration): string {
  if (failure === undefined) return "holds";
  const { kind, detail } = failure.violation;
  return `${kind} (${detail}) after ${failure.trace.join("; ")}`;
}

function isAsExpected({ expected }: Scenario, { failure, states }: Exploration): boolean {
  if (typeof expected === "string") return failure?.violation.kind === expected;
  return failure === undefined && states === expected.states;
}
