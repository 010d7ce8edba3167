import { ALARMS } from "@cinnabar/kernel";
import { z } from "zod";
import { formatListenAddress, isWildcard, type ListenAddress } from "../listener/index.ts";
import type { Holder } from "./holder.ts";
import { Findings, sentenceOf } from "./finding.ts";

const PATIENCE_MILLIS = 3_000;
const LONG_SWEEP_SECONDS = 6 * 3600;
const NONCE_TABLE_WARNING = 0.6;

const readinessSchema = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });

const WHERE_TO_LOOK = {
  advice: "Give the --admin-listen that the server has; if it is the same, the server hangs",
  see: "docs/runbooks/README.md",
};

/**
 * Asks the running server, on its admin listener.
 *
 * @param holder - `undefined` if none runs on the data directory: then whatever answers there is not believed.
 */
export async function checkServer(adminListen: ListenAddress, holder: Holder | undefined): Promise<Findings> {
  const findings = new Findings();
  const host = isWildcard(adminListen.host) ? "127.0.0.1" : adminListen.host;
  const url = `http://${formatListenAddress({ ...adminListen, host })}`;
  if (adminListen.port === 0) {
    findings.ok("admin listener", "takes any free port, so that it cannot be asked from here");
    return findings;
  }
  let text: string;
  try {
    text = await get(`${url}/readyz`);
  } catch (error) {
    if (holder === undefined) {
      findings.ok("admin listener", `nothing answers at ${url}, and no server runs here`);
      return findings;
    }
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const silence = { found: `nothing answers at ${url}: ${sentenceOf(cause)}`, ...WHERE_TO_LOOK };
    if (holder.isSeen) findings.problem("admin listener", silence);
    else findings.warning("admin listener", silence);
    return findings;
  }
  if (holder === undefined) {
    // What it says is about another deployment.
    findings.warning("admin listener", {
      found: `another server answers at ${url}: none runs on this data directory`,
      advice: "Are --data and --admin-listen the same server's? Two servers on one machine need addresses of their own",
      see: "docs/operations.md#cinnabar-doctor",
    });
    return findings;
  }
  const readiness = parseReadiness(text);
  if (readiness === undefined) {
    findings.problem("admin listener", { found: `what answers at ${url} is no admin listener`, ...WHERE_TO_LOOK });
    return findings;
  }
  if (readiness.ready) findings.ok("admin listener", `${url} says that the server is ready`);
  else {
    findings.problem("admin listener", {
      found: `the server is not ready: ${readiness.reasons.join("; ")}`,
      advice: "Look for lines with an alarm in its log",
      see: "docs/runbooks/README.md",
    });
  }
  checkMetrics(findings, await get(`${url}/metrics`));
  return findings;
}

function checkMetrics(findings: Findings, text: string): void {
  const raised = ALARMS.filter((alarm) => valueOf(text, `cinnabar_alarm{alarm="${alarm}"}`) === 1);
  for (const alarm of raised) {
    findings.problem("alarm", { found: `${alarm} is raised`, see: `docs/runbooks/${alarm}.md` });
  }
  if (raised.length === 0) findings.ok("alarms", "none is raised");
  const age = valueOf(text, "cinnabar_sweep_age_seconds");
  if (age !== undefined) {
    const found = `the store was swept for changed rows ${Math.round(age)} s ago`;
    if (age < LONG_SWEEP_SECONDS) findings.ok("sweep", found);
    else
      findings.warning("sweep", {
        found,
        advice: "It should be every few minutes",
        see: "docs/runbooks/sweep-overdue.md",
      });
  }
  const load = valueOf(text, "cinnabar_nonce_table_load_ratio");
  if (load !== undefined && load >= NONCE_TABLE_WARNING) {
    findings.warning("nonce table", {
      found: `${Math.round(load * 100)} % full: at 80 % calls are refused`,
      advice: "Double --nonce-slots",
      see: "docs/runbooks/nonce-table-full.md",
    });
  }
}

function parseReadiness(text: string): z.output<typeof readinessSchema> | undefined {
  try {
    return readinessSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function valueOf(text: string, metric: string): number | undefined {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${metric} `));
  return line === undefined ? undefined : Number(line.slice(metric.length + 1));
}

async function get(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MILLIS) });
  return response.text();
}
