import { UsageFailure, Failure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { type ServiceOptions, withClient } from "../service.ts";

export interface CallOptions extends ServiceOptions {
  /** Names of fields, joined by dots. */
  readonly query?: string;
  readonly apiVersion?: string;
}

/** `cinnabar call OPERATION NAME=VALUE…` */
export async function call(
  operation: { readonly action: string; readonly parameters: readonly string[] },
  options: CallOptions,
  io: Io,
): Promise<void> {
  const parameters = Object.fromEntries(operation.parameters.map(splitParameter));
  const version = options.apiVersion === undefined ? {} : { version: options.apiVersion };
  const answer = await withClient(options, io, (client) => client.call(operation.action, parameters, version));
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
