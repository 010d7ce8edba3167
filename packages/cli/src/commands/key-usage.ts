import { hash } from "node:crypto";
import type { Answer } from "@cinnabar/client";
import { isAnswer, items, text } from "../answer-fields.ts";
import { Failure, UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { formatTable, printable } from "../table.ts";

export interface KeyUsageOptions extends ServiceOptions {
  readonly report?: boolean;
  readonly json?: boolean;
}

/** `cinnabar key usage KEY` */
export async function keyUsage(key: string, options: KeyUsageOptions, io: Io): Promise<void> {
  if (options.report === true && options.json === true) {
    throw new UsageFailure("The report is JSON already: give --report or --json.");
  }
  const answer = await withClient(options, io, (client) => client.call("GetKeyUsage", { KeyId: key }));
  if (options.json === true) await write(io.stdout, `${JSON.stringify(answer, undefined, 2)}\n`);
  else if (options.report === true) await printReport(answer, io);
  else await write(io.stdout, describe(answer));
}

/** The report goes out byte by byte as it is hashed, so that whoever keeps it can hash it again. */
async function printReport(answer: Answer, io: Io): Promise<void> {
  const { UsageReport: report, UsageReportHash: given } = answer;
  if (typeof report !== "string" || typeof given !== "string") throw new Failure("The answer has no usage report.");
  if (hash("sha256", report, "hex") !== given)
    throw new Failure("The usage report does not have the hash that came with it.");
  await write(io.stdout, io.stdout.isTTY === true ? `${report}\n` : report);
  await write(io.stderr, `UsageReportHash ${given}\n`);
}

const HEADS = ["USES", "FIRST USE", "LAST USE", "REFUSED", "LAST REFUSAL"];

function describe(answer: Answer): string {
  const { Uses: uses, Refusals: refusals } = toTally(answer);
  const sections = [
    ["OPERATION", namedRows(answer, "Operations.Operation", ({ Name }) => text(Name))],
    ["KEY VERSION", namedRows(answer, "KeyVersions.KeyVersion", ({ KeyVersionId }) => text(KeyVersionId))],
    [
      "CALLER",
      [
        ...namedRows(answer, "Principals.Principal", ({ Type, PrincipalId, AccessKeyId }) =>
          [Type, PrincipalId, AccessKeyId].map(text).join(" ").trimEnd(),
        ),
        ...restRow(answer, "OtherPrincipals", "(further ones)"),
      ],
    ],
    [
      "CONTEXT NAME",
      [
        ...namedRows(answer, "ContextNames.ContextName", ({ Name }) => text(Name)),
        ...restRow(answer, "OtherContextNames", "(further ones)"),
        ...restRow(answer, "UnnamedContexts", "(not told apart)"),
      ],
    ],
  ] as const;
  const head = `Key ${printable(text(answer["KeyId"]))}\n${sentence(uses, refusals)}\n`;
  const tables = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `\n${formatTable([[title, ...HEADS], ...rows])}`);
  return `${head}${lastDays(answer)}${tables.join("")}`;
}

function sentence(uses: Count | undefined, refusals: Count | undefined): string {
  const used =
    uses === undefined
      ? "It was never used."
      : `Used ${times(uses.Count)}, first at ${uses.FirstDate} and last at ${uses.LastDate}.`;
  return refusals === undefined ? used : `${used} Refused ${times(refusals.Count)}, last at ${refusals.LastDate}.`;
}

/** Nothing if there was no call on any of the days that are counted one by one. */
function lastDays(answer: Answer): string {
  const days = items(answer, "Days.Day");
  const last = days.at(-1);
  if (last === undefined) return "";
  const now = Date.parse(text(answer["AsOf"]));
  if (Number.isNaN(now)) throw new Failure("The answer does not say as of when it is.");
  const since = (count: number) => new Date(now - (count - 1) * DAY_MILLIS).toISOString().slice(0, "yyyy-MM-dd".length);
  const within = (count: number) =>
    days
      .filter(({ Date: date }) => text(date) >= since(count))
      .reduce((sum, { Uses: uses }) => sum + (typeof uses === "number" ? uses : 0), 0);
  return `In the last 7 days ${times(within(7))}, in the last 30 days ${times(within(30))}.\n`;
}

const DAY_MILLIS = 24 * 60 * 60 * 1000;

function namedRows(answer: Answer, path: string, name: (item: Answer) => string): string[][] {
  return items(answer, path)
    .map((item) => ({ name: printable(name(item)), tally: toTally(item) }))
    .toSorted((one, other) => uses(other.tally) - uses(one.tally))
    .map(({ name, tally }) => [name, ...cells(tally)]);
}

function restRow(answer: Answer, field: string, title: string): string[][] {
  const rest = answer[field];
  return isAnswer(rest) ? [[title, ...cells(toTally(rest))]] : [];
}

interface Count {
  readonly Count: number;
  readonly FirstDate: string;
  readonly LastDate: string;
}
interface Tally {
  readonly Uses: Count | undefined;
  readonly Refusals: Count | undefined;
}

function cells({ Uses: used, Refusals: refused }: Tally): string[] {
  return [
    String(used?.Count ?? 0),
    used?.FirstDate ?? "-",
    used?.LastDate ?? "-",
    String(refused?.Count ?? 0),
    refused?.LastDate ?? "-",
  ];
}

function uses({ Uses: used }: Tally): number {
  return used?.Count ?? 0;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function toTally({ Uses: used, Refusals: refused }: Answer): Tally {
  return { Uses: toCount(used), Refusals: toCount(refused) };
}

function toCount(value: unknown): Count | undefined {
  if (!isAnswer(value)) return undefined;
  const { Count: count, FirstDate, LastDate } = value;
  return typeof count === "number"
    ? { Count: count, FirstDate: printable(text(FirstDate)), LastDate: printable(text(LastDate)) }
    : undefined;
}
