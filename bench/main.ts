import { parseArgs } from "node:util";
import { runEncryptBench } from "./src/encrypt-bench.ts";
import { encryptGoals, encryptReport } from "./src/encrypt-report.ts";
import { type Protocol, PROTOCOLS } from "./src/signed-requests.ts";
import type { Goal } from "./src/goal.ts";
import { lookupGoals, lookupReport, runLookupBench } from "./src/lookup-bench.ts";
import { describeMachine } from "./src/machine.ts";
import { memoryGoals, memoryReport, runMemoryBench } from "./src/memory-bench.ts";
import { policyGoals, policyReport, runPolicyBench } from "./src/policy-bench.ts";
import { runProfileBench } from "./src/profile-bench.ts";
import { rightsGoals, rightsReport, runRightsBench } from "./src/rights-bench.ts";
import { runSlowBench } from "./src/slow-bench.ts";
import { slowGoals, slowReport } from "./src/slow-report.ts";
import { runStartBench, startGoals, startReport } from "./src/start-bench.ts";
import { STORE_NAMES, type StoreName } from "./src/stores.ts";
import { layOut } from "./src/table.ts";
import { runVerifyBench, verifyGoals, verifyReport } from "./src/verify-bench.ts";

const USAGE = `usage: npm run bench -- [encrypt|memory|lookup|verify|start|policy|rights|slow] [OPTIONS]

  encrypt              CPU time of Encrypt against a bare HTTP server (the default)
  memory               resident memory, idle and loaded
  lookup               latency of LookupEvents, and what its index costs
  verify               how long the offline verification of the audit log takes
  start                from the start of the process to the first answer, on a data directory that is there
  policy               the worst policies and patterns, and decisions with many policies
  rights               Encrypt by a user with many policies against Encrypt by the root
  slow                 signing, decrypting with RSA, data keys; Encrypt's latency beside slow cryptography

  --json               one line for each goal: {"goal","ratio","floor","pass"}
  --quick              fewer and shorter rounds, fewer nonces
  --store NAME         ${STORE_NAMES.join(" or ")}; both by default
  --connections N      may be given several times; 1, 16 and 64 by default
  --protocol NAME      how requests are signed: ${PROTOCOLS.join(" or ")}; ${PROTOCOLS[0]} by default
  --nonces N           memory: requests to send; 1,000,000 by default
  --events N           lookup, verify: events of the log; 2,000,000 and 1,000,000 by default
  --profile            encrypt: where the server's time goes, instead of the goals
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    store: { type: "string" },
    connections: { type: "string", multiple: true, default: ["1", "16", "64"] },
    protocol: { type: "string", default: PROTOCOLS[0] },
    nonces: { type: "string" },
    events: { type: "string" },
  },
});

const [command = "encrypt", ...rest] = positionals;
const stores = values.store === undefined ? STORE_NAMES : [oneOf(STORE_NAMES, values.store)];
const protocol: Protocol = oneOf(PROTOCOLS, values.protocol);
const connections = values.connections.map(Number);
const progress = (text: string): void => console.error(`… ${text}`);

if (values.help || rest.length > 0 || !connections.every((count) => Number.isInteger(count) && count > 0)) usage();
else if (command === "encrypt" && values.profile) await profile(stores[0] ?? "sqlite");
else if (command === "encrypt") await encrypt();
else if (command === "memory") await memory();
else if (command === "lookup") await lookup();
else if (command === "verify") await verify();
else if (command === "start") await start();
else if (command === "policy") policy();
else if (command === "rights") await rights();
else if (command === "slow") await slow();
else usage();

// PostgreSQL's guardian and idle sockets would keep the process; all that it started ends with it.
process.exit();

async function encrypt(): Promise<void> {
  const size = values.quick ? { rounds: 5, windowMillis: 1_000 } : { rounds: 9, windowMillis: 1_500 };
  const result = await runEncryptBench({ stores, connections, protocol, progress, ...size });
  conclude(encryptGoals(result), encryptReport(result));
}

async function memory(): Promise<void> {
  const nonces = Number(values.nonces ?? (values.quick ? 200_000 : 1_000_000));
  const results = await runMemoryBench({ stores, protocol, nonces, progress });
  conclude(memoryGoals(results), memoryReport(results));
}

async function lookup(): Promise<void> {
  const events = Number(values.events ?? (values.quick ? 200_000 : 2_000_000));
  const results = await runLookupBench({ stores, events, rounds: values.quick ? 10 : 40, progress });
  conclude(lookupGoals(results), lookupReport(results));
}

async function verify(): Promise<void> {
  const events = Number(values.events ?? (values.quick ? 100_000 : 1_000_000));
  const results = await runVerifyBench({ stores, events, progress });
  conclude(verifyGoals(results), verifyReport(results));
}

async function start(): Promise<void> {
  const results = await runStartBench({ rounds: values.quick ? 5 : 15, progress });
  conclude(startGoals(results), startReport(results));
}

function policy(): void {
  const results = runPolicyBench({ rounds: values.quick ? 5 : 15, progress });
  conclude(policyGoals(results), policyReport(results));
}

async function rights(): Promise<void> {
  const size = values.quick ? { rounds: 5, windowMillis: 1_000 } : { rounds: 9, windowMillis: 1_500 };
  const results = await runRightsBench({ stores, protocol, progress, ...size });
  conclude(rightsGoals(results), rightsReport(results));
}

async function slow(): Promise<void> {
  const size = values.quick ? { rounds: 5, windowMillis: 1_000 } : { rounds: 9, windowMillis: 1_500 };
  const results = await runSlowBench({ stores, protocol, progress, ...size });
  conclude(slowGoals(results), slowReport(results));
}

async function profile(store: StoreName): Promise<void> {
  console.log(await runProfileBench({ store, connections: connections.at(-1) ?? 64, protocol }));
}

function conclude(goals: readonly Goal[], report: string): void {
  if (values.json) {
    for (const goal of goals) console.log(JSON.stringify(goal));
  } else {
    const rows = goals.map(({ goal, ratio, floor, pass }) => [
      goal,
      ratio?.toFixed(3) ?? "not measured",
      floor === null ? "" : `floor ${floor}`,
      floor === null ? "" : pass ? "passed" : "failed",
    ]);
    console.log([describeMachine(), report, "", layOut(rows)].join("\n"));
  }
  if (!goals.every(({ pass }) => pass)) process.exitCode = 1;
}

function usage(): void {
  console.error(USAGE);
  process.exitCode = 2;
}

function oneOf<T extends string>(known: readonly T[], name: string): T {
  const found = known.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  console.error(`"${name}" is none of: ${known.join(", ")}`);
  process.exit(2);
}
