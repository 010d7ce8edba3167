import { type Answer, type CallParameters, type CinnabarClient, ServiceError } from "@cinnabar/client";
import { isAnswer, items, text } from "./answer-fields.ts";
import { Failure } from "./failure.ts";
import { type Io, write } from "./io.ts";
import { formatTable, printable } from "./table.ts";

const WOULD_SUCCEED = "DryRunOperationError";
/** How its message begins. */
const PUBLISHED_MESSAGE = "The request would have succeeded, but the DryRun parameter was set.";

/** A call that would succeed, and what it would change for others where the service says so. */
export interface DryRun {
  readonly requestId: string;
  readonly message: string;
  readonly detail: Answer | undefined;
}

/**
 * Asks whether a call would succeed, without having it done.
 *
 * @throws ServiceError as the call would be refused.
 * @throws Failure if the service does not know dry runs of every operation: it is not called then.
 */
export async function dryRun(
  client: CinnabarClient,
  {
    action,
    parameters,
    version,
  }: { readonly action: string; readonly parameters: CallParameters; readonly version?: string | undefined },
): Promise<DryRun> {
  // Where DryRun is only ignored, as by Alibaba Cloud outside of cryptography, the call would be carried out. This one has no effect.
  if ((await attempt(client, { action: "DescribeRegions", parameters: {} })) === undefined) {
    throw new Failure("The service has no dry runs of every operation: it was not asked, for it might have done it.");
  }
  const found = await attempt(client, { action, parameters, version });
  if (found === undefined)
    throw new Failure("The service has taken no notice of the dry run: the call was carried out.");
  return found;
}

/** @returns `undefined` if the call was carried out. */
async function attempt(
  client: CinnabarClient,
  { action, parameters, version }: Parameters<typeof dryRun>[1],
): Promise<DryRun | undefined> {
  try {
    await client.call(action, { ...parameters, DryRun: true }, version === undefined ? {} : { version });
    return undefined;
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== WOULD_SUCCEED) throw error;
    return { requestId: error.requestId, message: error.message, detail: error.dryRunDetail };
  }
}

/** @param what - what would be done, as the subject of a sentence. */
export async function printDryRun(
  { requestId, message, detail }: DryRun,
  { what, json }: { readonly what: string; readonly json: boolean | undefined },
  io: Io,
): Promise<void> {
  if (json === true) {
    const members = { RequestId: requestId, Code: WOULD_SUCCEED, Message: message, DryRunDetail: detail };
    await write(io.stdout, `${JSON.stringify(members, undefined, 2)}\n`);
    return;
  }
  const further = message.startsWith(PUBLISHED_MESSAGE) ? message.slice(PUBLISHED_MESSAGE.length).trim() : message;
  const impact = further === "" ? "" : `${printable(further)}\n`;
  await write(io.stdout, `${what} would succeed. Nothing was changed.\n${impact}${describe(detail ?? {})}`);
}

function describe(detail: Answer): string {
  const tables = [
    ["CALLER", callers(detail)],
    ["OPERATION", isAnswer(detail["Operations"]) ? rows(detail, "Operations.Operation", ["Name"]) : []],
  ] as const;
  const shown = tables
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `\n${formatTable([[title, "LAST CALL"], ...rows])}`);
  return [...shown, ...warnings(detail)].join("");
}

function callers(detail: Answer): string[][] {
  const { Principals: principals } = detail;
  if (!isAnswer(principals)) return [];
  const named = rows(detail, "Principals.Principal", ["Type", "AccountId", "PrincipalId", "AccessKeyId"]);
  return principals["IsTruncated"] === true ? [...named, ["(further ones)", "-"]] : named;
}

function rows(detail: Answer, path: string, names: readonly string[]): string[][] {
  return items(detail, path).map((item) => [
    printable(names.map((name) => text(item[name])).join(" ")).trimEnd(),
    printable(text(item["LastDate"])),
  ]);
}

function warnings(detail: Answer): string[] {
  if (!isAnswer(detail["Warnings"])) return [];
  return items(detail, "Warnings.Warning").map(({ Message: message }) => `\nWarning: ${printable(text(message))}\n`);
}
