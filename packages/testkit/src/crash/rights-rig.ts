import { join } from "node:path";
import { ServiceError } from "@cinnabar/client";
import { ServerProcess } from "../server-process.ts";
import { openAdministration } from "../administered-deployment.ts";
import { IdentityProvider } from "../identity-provider.ts";
import { type KindOfRight, kindsOfRights } from "./kinds-of-rights.ts";
import type { Progress, RigReport } from "./rig-report.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { type HistoryVerdict, judgeHistory } from "./switch-history.ts";
import { SwitchedRight } from "./switched-right.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface RightsOptions {
  /** At least so many times a right of each kind is withdrawn or given back. */
  readonly flips: number;
  readonly random: SeededRandom;
  readonly progress: Progress;
}

interface Servers {
  /** On which rights are used. */
  readonly servers: readonly ServerProcess[];
  /** Those of them that rights are withdrawn and given through. */
  readonly changing: readonly ServerProcess[];
}

/** Controls of one deployment wait for each other. */
const KINDS_AT_ONCE = 4;

/** The report's figure of calls that broke the promise. */
const CALLS_WITHOUT_RIGHT = "calls that succeeded wholly while the right was withdrawn";

/** The report's figure of kinds of rights that no such call broke. */
export const KINDS_UNBROKEN = "kinds of rights of which no call succeeded without the right";

/** Concurrent clients of one server on SQLite. */
export async function rightsOnSqlite(options: RightsOptions): Promise<RigReport> {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "node");
  await using server = await ServerProcess.start({ data });
  const report = await proveRights({
    ...options,
    name: "rights on SQLite",
    servers: [server],
    changing: [server],
    database: `sqlite:${join(data, "cinnabar.db")}`,
    rootKeyFile: join(data, "root.key"),
  });
  await server.stop();
  return report;
}

/**
 * Two servers on one PostgreSQL.
 *
 * @param options.database - URL of an empty database.
 * @param options.sources - sources that the second one runs instead of this checkout's, such as a copy without the epoch's
 *   check. Then all rights are made, withdrawn and given through the first.
 */
export async function rightsOnPostgresql(
  options: RightsOptions & { database: string; sources?: string },
): Promise<RigReport> {
  const { database, sources } = options;
  await using directory = await temporaryDirectory();
  const firstData = join(directory.path, "first");
  const rootKeyFile = join(firstData, "root.key");
  await using first = await ServerProcess.start({ database, data: firstData });
  await using second = await ServerProcess.start({
    database,
    ...(sources !== undefined && { sources }),
    data: join(directory.path, "second"),
    rootKeyFile,
    credentials: first.credentials,
  });
  const name = "rights on two nodes and PostgreSQL";
  const servers = [first, second];
  const changing = sources === undefined ? servers : [first];
  const report = await proveRights({ ...options, name, servers, changing, rootKeyFile });
  await second.stop();
  await first.stop();
  return report;
}

/**
 * Withdraws rights of every kind, and gives back those that can be, while they are used on every node without a pause, and
 * judges each right's history: whoever calls after the withdrawal has returned is refused, on any node.
 */
async function proveRights(
  options: RightsOptions &
    Servers & {
      readonly name: string;
      readonly database: string;
      readonly rootKeyFile: string;
    },
): Promise<RigReport> {
  const { name, servers } = options;
  const [server] = servers;
  if (server === undefined) throw new RangeError("there is no server");
  await using administration = await openAdministration(options);
  await using idp = await IdentityProvider.start();
  using resources = new DisposableStack();
  const kinds = await kindsOfRights(server, { administration, idp, resources });
  const histories: Histories[] = [];
  const waiting = kinds.values();
  const work = async (): Promise<void> => {
    for (const kind of waiting) {
      histories.push({ title: kind.title, ...(await switchRights(kind, options)) });
      options.progress(`${histories.length} of ${kinds.length} kinds of rights: ${kind.title}`);
    }
  };
  // The servers are needed until the last of them has come to its end, well or not.
  const ended = await Promise.allSettled(Array.from({ length: KINDS_AT_ONCE }, work));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return report(name, histories);
}

/** Rights of one kind: one that is switched all the time, or one after the other where each is lost for good. */
async function switchRights(
  kind: KindOfRight,
  { flips, ...options }: RightsOptions & Servers,
): Promise<Omit<Histories, "title">> {
  const rights: SwitchedRight[] = [];
  try {
    for (let flipped = 0; flipped < flips;) {
      const right = new SwitchedRight(await kind.make(), options);
      rights.push(right);
      flipped += await right.switchUnderLoad(flips - flipped);
    }
  } catch (error) {
    // A node that goes by what was before refuses what is needed to go on.
    if (!(error instanceof ServiceError)) throw error;
    return { rights, failure: error.code };
  }
  return { rights };
}

interface Histories {
  readonly title: string;
  readonly rights: readonly SwitchedRight[];
  /** What ended it before its time. */
  readonly failure?: string;
}

function report(name: string, histories: readonly Histories[]): RigReport {
  const problems: string[] = [];
  const verdicts: HistoryVerdict[] = [];
  let unbroken = 0;
  for (const { title, rights, failure } of histories) {
    if (failure !== undefined) problems.push(`${title}: ended with ${failure}`);
    const own = rights.map((right) => judgeHistory(right.flips, right.readings));
    verdicts.push(...own);
    const brokenCalls = own.reduce((total, { onWhileOff }) => total + onWhileOff, 0);
    if (brokenCalls === 0) unbroken++;
    else problems.push(`${title}: ${brokenCalls} ${CALLS_WITHOUT_RIGHT}`);
    if (!own.some(({ whileOff }) => whileOff > 0)) problems.push(`no call was made without the right: ${title}`);
    const unexpected = new Set(rights.flatMap((right) => right.unexpected));
    problems.push(...[...unexpected].map((what) => `${title}: ${what}`));
  }
  const rights = histories.flatMap((history) => history.rights);
  const sum = (figure: keyof HistoryVerdict) => verdicts.reduce((total, verdict) => total + verdict[figure], 0);
  const broken = {
    [CALLS_WITHOUT_RIGHT]: sum("onWhileOff"),
    "calls that were refused wholly while the right was given": sum("offWhileOn"),
    "calls that no order explains": sum("unexplained"),
  };
  const figures = {
    "kinds of rights": histories.length,
    rights: rights.length,
    flips: rights.reduce((total, right) => total + right.flips.length, 0),
    calls: rights.reduce((total, right) => total + right.readings.length, 0),
    "calls that overlap a flip": sum("overlapping"),
    "calls wholly while the right was withdrawn": sum("whileOff"),
    [KINDS_UNBROKEN]: unbroken,
    ...broken,
  };
  const counted = Object.entries(broken).filter(([, count]) => count > 0);
  return { name, figures, problems: [...counted.map(([figure, count]) => `${count} ${figure}`), ...problems] };
}
