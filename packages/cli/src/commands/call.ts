import { dryRun, printDryRun } from "../dry-run.ts";
import { UsageFailure, Failure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { type ServiceOptions, withClient } from "../service.ts";

export interface CallOptions extends ServiceOptions {
  /** Names of fields, joined by dots. */
  readonly query?: string;
  readonly apiVersion?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `cinnabar call OPERATION NAME=VALUE…` */
export async function call(
  operation: { readonly action: string; readonly parameters: readonly string[] },
  options: CallOptions,
  io: Io,
): Promise<void> {
  const { action } = operation;
  const parameters = Object.fromEntries(operation.parameters.map(splitParameter));
  if (options.dryRun === true) {
    if (options.query !== undefined) {
      throw new UsageFailure("A dry run has no answer to take a field of: give --dry-run or --query.");
    }
    const asked = { action, parameters, version: options.apiVersion };
    const found = await withClient(options, io, (client) => dryRun(client, asked));
    await printDryRun(found, { what: action, json: options.json }, io);
    return;
  }
  const version = options.apiVersion === undefined ? {} : { version: options.apiVersion };
  const answer = await withClient(options, io, (client) => client.call(action, parameters, version));
  const selected = options.query === undefined ? answer : select(answer, options.query);
  await write(io.stdout, `${typeof selected === "string" ? selected : JSON.stringify(selected, undefined, 2)}\n`);
}

function splitParameter(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageFailure(`The parameter ${text} must read NAME=VALUE.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function select(answer: unknown, query: string): unknown {
  let value = answer;
  for (const name of query.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      throw new Failure(`The answer has no ${query}.`);
    }
    value = Object.entries(value).find(([field]) => field === name)?.[1];
  }
  return value;
}
