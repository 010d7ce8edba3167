import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CinnabarClient } from "@cinnabar/client";
import { ServerProcess } from "../server-process.ts";
import { codeOf } from "./refusal-code.ts";
import type { RigReport } from "./rig-report.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { type Flip, type HistoryVerdict, judgeHistory, type Reading } from "./switch-history.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Keys that are flipped at the same time: controls of one deployment wait for each other. */
const KEYS = 4;
/** Of all nodes together. */
const CALLERS = 8;
/** A key rests between two flips for up to so many times as long as the flip took: a good part of the calls overlap a flip. */
const REST_FACTOR = 2;
const LEAST_OVERLAP = 1 / 3;
const UNAVAILABLE = "ServiceUnavailableTemporary";

export interface RevocationOptions {
  /** At least so many times a key is disabled or enabled. */
  readonly flips: number;
  readonly random: SeededRandom;
}

/** The report's figure of calls that broke the promise. */
export const CALLS_AFTER_REVOCATION = "calls that succeeded wholly between DisableKey and EnableKey";

/** Concurrent clients of one server on SQLite. */
export async function revocationOnSqlite(options: RevocationOptions): Promise<RigReport> {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start({ data: join(directory.path, "node") });
  const report = await proveRevocation({ ...options, name: "revocation on SQLite", servers: [server] });
  await server.stop();
  return report;
}

/**
 * Two servers on one PostgreSQL.
 *
 * @param options.database - URL of an empty database.
 * @param options.sources - sources to run instead of this checkout's, such as a copy without the epoch's check.
 */
export async function revocationOnPostgresql(
  options: RevocationOptions & { database: string; sources?: string },
): Promise<RigReport> {
  const { database, sources } = options;
  await using directory = await temporaryDirectory();
  const common = { database, ...(sources !== undefined && { sources }) };
  const firstData = join(directory.path, "first");
  await using first = await ServerProcess.start({ ...common, data: firstData });
  await using second = await ServerProcess.start({
    ...common,
    data: join(directory.path, "second"),
    rootKeyFile: join(firstData, "root.key"),
    credentials: first.credentials,
  });
  const name = "revocation on two nodes and PostgreSQL";
  const report = await proveRevocation({ ...options, name, servers: [first, second] });
  await second.stop();
  await first.stop();
  return report;
}

/**
 * Disables and enables keys while callers on every node use them without a pause, and judges each key's history:
 * whoever calls after DisableKey has returned is refused, on any node, and after EnableKey has returned is served.
 */
async function proveRevocation(
  options: RevocationOptions & { name: string; servers: readonly ServerProcess[] },
): Promise<RigReport> {
  const { name, servers, flips, random } = options;
  const nodes = servers.map((server) => server.client());
  const keys = await Promise.all(Array.from({ length: KEYS }, () => SwitchedKey.create(random.pick(nodes))));
  const end = new AbortController();
  const calling = nodes.flatMap((node) =>
    Array.from({ length: CALLERS / nodes.length }, async () => {
      while (!end.signal.aborted) await random.pick(keys).use(node, random);
    }),
  );
  const flipping = keys.map(async (key) => {
    // In pairs, so that every key ends as it began: enabled.
    for (let pair = 0; pair < flips / KEYS / 2; pair++) {
      for (const to of ["off", "on"] as const) {
        const tookMillis = await key.flip(random.pick(nodes), to);
        await sleep(random.between({ least: 0, most: REST_FACTOR * tookMillis }));
      }
    }
  });
  try {
    await Promise.all(flipping);
  } finally {
    end.abort();
    await Promise.all(calling);
    for (const node of nodes) node.close();
  }
  return report(name, keys);
}

function report(name: string, keys: readonly SwitchedKey[]): RigReport {
  const verdicts = keys.map((key) => judgeHistory(key.flips, key.readings));
  const sum = (figure: keyof HistoryVerdict) => verdicts.reduce((total, verdict) => total + verdict[figure], 0);
  const calls = keys.reduce((total, key) => total + key.readings.length, 0);
  const overlap = sum("overlapping") / calls;
  const unexpected = keys.flatMap((key) => key.unexpected);
  const figures = {
    flips: keys.reduce((total, key) => total + key.flips.length, 0),
    calls,
    "calls that overlap a flip, in percent": 100 * overlap,
    "calls wholly between DisableKey and EnableKey": sum("whileOff"),
    [CALLS_AFTER_REVOCATION]: sum("onWhileOff"),
    "calls that were refused wholly between EnableKey and DisableKey": sum("offWhileOn"),
    "calls that no order explains": sum("unexplained"),
  };
  const problems = Object.entries(figures)
    .slice(-3)
    .filter(([, count]) => count > 0)
    .map(([figure, count]) => `${count} ${figure}`);
  if (overlap < LEAST_OVERLAP) problems.push("less than a third of the calls overlap a flip");
  if (sum("whileOff") === 0) problems.push("no call was made while a key was disabled");
  problems.push(...new Set(unexpected));
  return { name, figures, problems };
}

/** A key seen as a switch: enabled is on. */
class SwitchedKey {
  readonly #id: string;
  readonly #ciphertextBlob: string;
  readonly flips: Flip[] = [];
  readonly readings: Reading[] = [];
  /** Refusals that have nothing to do with the key's state. */
  readonly unexpected: string[] = [];

  private constructor(key: { id: string; ciphertextBlob: string }) {
    this.#id = key.id;
    this.#ciphertextBlob = key.ciphertextBlob;
  }

  static async create(node: CinnabarClient): Promise<SwitchedKey> {
    const created = await node.call("CreateKey");
    const { KeyId: id } = created["KeyMetadata"] as { KeyId: string };
    const { CiphertextBlob } = await node.call("Encrypt", { KeyId: id, Plaintext: "for as long as it is enabled" });
    return new SwitchedKey({ id, ciphertextBlob: String(CiphertextBlob) });
  }

  /** @returns how long it took, in milliseconds. */
  async flip(node: CinnabarClient, to: Flip["to"]): Promise<number> {
    const action = to === "on" ? "EnableKey" : "DisableKey";
    const beganAt = performance.now();
    let code: string | undefined;
    do {
      code = await codeOf(node.call(action, { KeyId: this.#id }));
      // A disk that stalls may cost an answer: then the flip goes on until there is one.
    } while (code === UNAVAILABLE);
    if (code !== undefined) throw new Error(`${action} was refused with ${code}`);
    const returnedAt = performance.now();
    this.flips.push({ to, beganAt, returnedAt });
    return returnedAt - beganAt;
  }

  async use(node: CinnabarClient, random: SeededRandom): Promise<void> {
    const call = random.pick([
      () => node.call("Encrypt", { KeyId: this.#id, Plaintext: "text" }),
      () => node.call("Decrypt", { CiphertextBlob: this.#ciphertextBlob }),
      () => node.call("GenerateDataKey", { KeyId: this.#id }),
    ]);
    const beganAt = performance.now();
    const code = await codeOf(call());
    const returnedAt = performance.now();
    if (code === undefined) this.readings.push({ found: "on", beganAt, returnedAt });
    else if (code === "Rejected.Disabled") this.readings.push({ found: "off", beganAt, returnedAt });
    else if (code !== UNAVAILABLE) this.unexpected.push(`a call was refused with ${code}`);
  }
}
