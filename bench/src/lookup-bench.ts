import { randomUUID } from "node:crypto";
import { type CinnabarClient, ServiceError } from "@cinnabar/client";
import { z } from "zod";
import { CinnabarServer } from "./cinnabar-server.ts";
import { fillLog, type FollowCost, measureFollower } from "./filled-log.ts";
import { type Goal, judge } from "./goal.ts";
import { EventMaker, MADE } from "./made-events.ts";
import { quantile } from "./statistics.ts";
import { createStore, type StoreName } from "./stores.ts";
import { layOut } from "./table.ts";
import { Workbench } from "./workbench.ts";

/** Within which a lookup is answered, in milliseconds. */
const LIMIT_MILLIS = 200;
const VERSION = "2020-07-06";
const ENCRYPTS = 300;
const LOOKUPS_BESIDE = 4;

const lookupAnswer = z.object({
  Events: z.array(z.object({ recipientAccountId: z.string(), eventId: z.string() })),
  NextToken: z.string().optional(),
});

export interface LookupBenchOptions {
  readonly stores: readonly StoreName[];
  /** Events to look among. */
  readonly events: number;
  /** How often each lookup is measured. */
  readonly rounds: number;
  progress(text: string): void;
}

interface Measured {
  readonly name: string;
  /** Events of the first page. */
  readonly found: number;
  /** In milliseconds, the first one with nothing of it in the server's memory. */
  readonly millis: readonly number[];
}

export interface LookupResult {
  readonly store: StoreName;
  readonly events: number;
  readonly fillSeconds: number;
  readonly follow: FollowCost;
  readonly lookups: readonly Measured[];
  /** Latency of Encrypt alone, and beside lookups that search everything, in milliseconds. */
  readonly encryptMillis: { readonly alone: readonly number[]; readonly beside: readonly number[] };
}

type Conditions = Readonly<Record<string, string>>;

/** Measures LookupEvents by every attribute, and by pairs, among many events that were made through the committer. */
export async function runLookupBench(options: LookupBenchOptions): Promise<LookupResult[]> {
  const workbench = new Workbench();
  const results: LookupResult[] = [];
  for (const name of options.stores) results.push(await measureStore(workbench, { ...options, name }));
  return results;
}

export function lookupGoals(results: readonly LookupResult[]): Goal[] {
  return results.flatMap(({ store, lookups }) =>
    lookups.map(({ name, millis }) =>
      judge(`lookup-${store}-${name}`, { ratio: LIMIT_MILLIS / quantile(millis, 0.95), floor: 1 }),
    ),
  );
}

/** What was measured, for people. */
export function lookupReport(results: readonly LookupResult[]): string {
  return results.map(reportOf).join("\n\n");
}

function reportOf({ store, events, fillSeconds, follow, lookups, encryptMillis }: LookupResult): string {
  const head = ["LookupEvents by", "found", "first ms", "median ms", "95 % ms", "worst ms"];
  const rows = lookups.map(({ name, found, millis }) => [
    name,
    String(found),
    ...[millis[0] ?? Number.NaN, quantile(millis, 0.5), quantile(millis, 0.95), quantile(millis, 1)].map((value) =>
      value.toFixed(1),
    ),
  ]);
  const latency = (millis: readonly number[]): string =>
    `${quantile(millis, 0.5).toFixed(1)} ms median, ${quantile(millis, 0.99).toFixed(1)} ms at 99 %`;
  return [
    `${events} events on ${store}, made in ${fillSeconds.toFixed(0)} s; 95 % of the lookups are to be answered within ${LIMIT_MILLIS} ms.`,
    `The index of ${follow.events} events: ${follow.cpuMicros.toFixed(1)} µs of CPU time for each, made in ${follow.seconds.toFixed(0)} s.`,
    `Encrypt alone: ${latency(encryptMillis.alone)}; beside ${LOOKUPS_BESIDE} lookups at a time: ${latency(encryptMillis.beside)}.`,
    "",
    layOut([head, ...rows]),
  ].join("\n");
}

async function measureStore(
  workbench: Workbench,
  options: LookupBenchOptions & { name: StoreName },
): Promise<LookupResult> {
  const { name, events } = options;
  const progress = (text: string): void => options.progress(text);
  const store = await createStore(workbench, name);
  const first = await CinnabarServer.start(workbench, store);
  const account = await accountOf(first.client);
  await first.stop();

  const maker = new EventMaker(account);
  const startedAt = performance.now();
  await fillLog({ store, events, maker, progress });
  const fillSeconds = (performance.now() - startedAt) / 1000;
  progress("making the index anew");
  const backend = await store.open();
  const follow = await measureFollower(backend);
  await backend.close();
  progress(`${follow.cpuMicros.toFixed(1)} µs of CPU time for each event`);

  const server = await CinnabarServer.start(workbench, store);
  const lookups: Measured[] = [];
  for (const { name, conditions, direction } of cases(maker.sampledIds)) {
    const measured = await measure(server.client, { name, conditions, direction, account, rounds: options.rounds });
    progress(`${name}: ${quantile(measured.millis, 0.5).toFixed(1)} ms, ${measured.found} found`);
    lookups.push(measured);
  }
  lookups.push(await measurePages(server.client, options.rounds));
  const encryptMillis = await measureEncrypt(server);
  await server.stop();
  return { store: name, events, fillSeconds, follow, lookups, encryptMillis };
}

/** Many, few and none of each attribute, and pairs. */
function cases(ids: readonly string[]): { name: string; conditions: Conditions; direction: string }[] {
  const eventId = ids[Math.floor(ids.length / 3)] ?? "";
  const common: Conditions = {
    ServiceName: "Kms",
    EventName: "Encrypt",
    User: MADE.user,
    ResourceType: "ACS::KMS::Key",
    ResourceName: MADE.key,
    EventRW: "Read",
    EventAccessKeyId: MADE.accessKeyId,
    SensitiveAction: "false",
    SourceIpAddress: MADE.address,
    EventType: "ApiCall",
    RoleName: MADE.role,
  };
  const rare: Conditions = {
    EventName: "ScheduleKeyDeletion",
    User: MADE.rareUser,
    EventId: eventId,
    ResourceName: MADE.rareKey,
    EventAccessKeyId: MADE.rareAccessKeyId,
    SensitiveAction: "true",
    SourceIpAddress: MADE.rareAddress,
  };
  const pairs: Readonly<Record<string, Conditions>> = {
    "many and many": { EventName: "Decrypt", User: MADE.user },
    "many and few": { EventName: "Encrypt", ResourceName: MADE.key },
    "many and rare": { ServiceName: "Kms", User: MADE.rareUser },
    "rare and rare": { EventName: "ScheduleKeyDeletion", SourceIpAddress: MADE.rareAddress },
    "many and many, never together": { EventName: "Encrypt", EventRW: "Write" },
    "many and rare, never together": { EventName: "Encrypt", SourceIpAddress: MADE.rareAddress },
  };
  const [backward, forward] = ["BACKWARD", "FORWARD"];
  const single = (conditions: Conditions, kind: string) =>
    Object.entries(conditions).map(([key, value]) => ({
      name: `${key}, ${kind}`,
      conditions: { [key]: value },
      direction: backward,
    }));
  const names = new Set([...Object.keys(common), ...Object.keys(rare)]);
  const missing = Object.fromEntries(
    [...names].map((key) => [key, key === "EventId" ? randomUUID() : "nothing-has-this"]),
  );
  return [
    { name: "nothing in particular", conditions: {}, direction: backward },
    { name: "nothing in particular, the oldest", conditions: {}, direction: forward },
    ...single(common, "many"),
    ...single(rare, "few"),
    ...single(missing, "none"),
    ...Object.entries(pairs).map(([name, conditions]) => ({ name, conditions, direction: backward })),
    { name: "many and rare, the oldest", conditions: pairs["many and rare"] ?? {}, direction: forward },
  ];
}

async function measure(
  client: CinnabarClient,
  options: { name: string; conditions: Conditions; direction: string; account: string; rounds: number },
): Promise<Measured> {
  const { name, conditions, direction, account, rounds } = options;
  const millis: number[] = [];
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    const answer = await lookup(client, { ...parametersOf(conditions), Direction: direction });
    millis.push(performance.now() - startedAt);
    found = answer.Events.length;
    if (answer.Events.some(({ recipientAccountId }) => recipientAccountId !== account)) {
      throw new Error(`${name}: an event of another account was found`);
    }
  }
  return { name, found, millis };
}

/** Page after page of everything. */
async function measurePages(client: CinnabarClient, pages: number): Promise<Measured> {
  const millis: number[] = [];
  const ids = new Set<string>();
  let token: string | undefined;
  for (let page = 0; page < pages; page++) {
    const startedAt = performance.now();
    const answer = await lookup(client, { MaxResults: 50, NextToken: token });
    millis.push(performance.now() - startedAt);
    for (const { eventId } of answer.Events) ids.add(eventId);
    token = answer.NextToken;
    if (token === undefined) break;
  }
  return { name: "pages of 50", found: ids.size / Math.max(1, millis.length), millis };
}

/** Encrypt's latency, one call after the other, alone and beside lookups that search through everything. */
async function measureEncrypt(server: CinnabarServer): Promise<LookupResult["encryptMillis"]> {
  const [KeyId = ""] = await server.createKeys(1);
  const encrypt = async (): Promise<number[]> => {
    const millis: number[] = [];
    for (let i = 0; i < ENCRYPTS; i++) {
      const startedAt = performance.now();
      await server.client.call("Encrypt", { KeyId, Plaintext: "eA==" });
      millis.push(performance.now() - startedAt);
    }
    return millis;
  };
  const alone = await encrypt();
  const over = new AbortController();
  const search = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        await lookup(server.client, parametersOf({ EventName: "Encrypt", EventRW: "Write" }));
      } catch (error) {
        // Beside so many others some may be refused, or come too late: the load is what counts here.
        if (!(error instanceof ServiceError)) throw error;
      }
    }
  };
  const searches = Array.from({ length: LOOKUPS_BESIDE }, search);
  const beside = await encrypt();
  over.abort();
  await Promise.all(searches);
  return { alone, beside };
}

async function lookup(
  client: CinnabarClient,
  parameters: Readonly<Record<string, string | number | undefined>>,
): Promise<z.infer<typeof lookupAnswer>> {
  return lookupAnswer.parse(await client.call("LookupEvents", parameters, { version: VERSION }));
}

function parametersOf(conditions: Conditions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(conditions).flatMap(([key, value], i) => [
      [`LookupAttribute.${i + 1}.Key`, key],
      [`LookupAttribute.${i + 1}.Value`, value],
    ]),
  );
}

/** The account that calls: the first lookup is on record before it is answered, so the second one finds it. */
async function accountOf(client: CinnabarClient): Promise<string> {
  await lookup(client, {});
  const { Events: events } = await lookup(client, {});
  const [event] = events;
  if (event === undefined) throw new Error("the lookup before was not found");
  return event.recipientAccountId;
}
