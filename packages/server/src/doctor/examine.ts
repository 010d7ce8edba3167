import type { Configuration } from "../configuration/index.ts";
import { checkCheckpoints } from "./checkpoint-checks.ts";
import { checkDirectory } from "./directory-checks.ts";
import { type Finding, Findings, sentenceOf } from "./finding.ts";
import { checkHost } from "./host-checks.ts";
import { type OpenedStore, openStoreForReading } from "./opened-store.ts";
import { checkServer } from "./server-checks.ts";
import { checkStore } from "./store-checks.ts";
import { checkTls } from "./tls-checks.ts";

/**
 * Looks at a deployment from its operator's side, whether a server runs or not, and changes nothing. A check that
 * cannot be made is a finding too.
 */
export async function examine(configuration: Configuration): Promise<Finding[]> {
  await using resources = new AsyncDisposableStack();
  const found: Finding[] = [];
  const collect = async (subject: string, check: () => Promise<Findings>): Promise<void> => {
    try {
      found.push(...(await check()).list);
    } catch (error) {
      found.push({ check: subject, status: "problem", found: `could not be checked: ${sentenceOf(error)}` });
    }
  };

  let holder: Awaited<ReturnType<typeof checkDirectory>>["holder"];
  await collect("data directory", async () => {
    const directory = await checkDirectory(configuration);
    ({ holder } = directory);
    return directory.findings;
  });
  await collect("host", () => checkHost(holder?.isSeen === true ? holder.pid : undefined));
  let store: OpenedStore | undefined;
  await collect("database", async () => {
    store = await openStoreForReading(configuration.database, { isInUse: holder !== undefined });
    if (store === undefined) return missingStore();
    const opened = resources.use(store);
    return checkStore(opened, configuration);
  });
  await collect("tls", () => checkTls(configuration, Date.now()));
  await collect("checkpoints", () => checkCheckpoints(configuration.checkpointTo, store));
  await collect("admin listener", () => checkServer(configuration.adminListen, holder));
  return found;
}

function missingStore(): Findings {
  const findings = new Findings();
  findings.problem("database", {
    found: "there is none",
    advice: "Are --data and --database right? cinnabar init makes a deployment",
    see: "docs/operations.md",
  });
  return findings;
}
