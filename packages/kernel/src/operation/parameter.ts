import { readList, readMap, readRecords } from "@cinnabar/rpc";
import type { z } from "zod";
import { ApiError, type ErrorCode, ERRORS, invalidParameter, missingParameter } from "./errors.ts";

/** How a parameter appears in the audit event: as it was sent, as its SHA-256, or not at all. */
export type AuditTreatment = "plain" | "digest" | "omit";

/** A code, or one for each way in which a value can be wrong. */
export type RefusedAs = ErrorCode | ((raw: unknown) => ErrorCode);

/** A parameter of an operation: how it is read from the wire, what is allowed, what is recorded of it. */
export interface Parameter<Value, Presence extends "required" | "optional" = "required" | "optional"> {
  /**
   * - `text`: one value.
   * - `map`: one JSON object of strings, or flattened as `Name.key=value`.
   * - `list`: texts, numbered as `Name.1=value`.
   * - `records`: maps of fields, numbered as `Name.1.Field=value`.
   */
  readonly encoding: "text" | "map" | "list" | "records";
  readonly presence: Presence;
  /** From the wire's text (or map, or array of one of them) to the value; its messages say what would be right. */
  readonly schema: z.ZodType<Value>;
  readonly audit: AuditTreatment;
  /** The code of a value that the schema refuses, or what tells it from the value; left out, `InvalidParameter`. */
  readonly refusedAs?: RefusedAs;
  /** The code where a required one is missing; left out, `MissingParameter`. */
  readonly missingAs?: ErrorCode;
  /** One sentence for the API reference. */
  readonly description: string;
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

/** What a handler gets: required parameters always, optional ones maybe. */
export type ParameterValues<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends Parameter<infer Value, infer Presence>
    ? Presence extends "required"
      ? Value
      : Value | undefined
    : never;
};

interface ParameterOptions<Value> {
  readonly schema: z.ZodType<Value>;
  readonly audit?: AuditTreatment;
  readonly refusedAs?: RefusedAs;
  readonly missingAs?: ErrorCode;
  readonly description: string;
}

export function required<Value>(options: ParameterOptions<Value>): Parameter<Value, "required"> {
  return { encoding: "text", presence: "required", audit: "plain", ...options };
}

export function optional<Value>(options: ParameterOptions<Value>): Parameter<Value, "optional"> {
  return { encoding: "text", presence: "optional", audit: "plain", ...options };
}

export function optionalMap<Value>(options: ParameterOptions<Value>): Parameter<Value, "optional"> {
  return { encoding: "map", presence: "optional", audit: "plain", ...options };
}

export function requiredList<Value>(options: ParameterOptions<Value>): Parameter<Value, "required"> {
  return { encoding: "list", presence: "required", audit: "plain", ...options };
}

export function optionalList<Value>(options: ParameterOptions<Value>): Parameter<Value, "optional"> {
  return { encoding: "list", presence: "optional", audit: "plain", ...options };
}

export function requiredRecords<Value>(options: ParameterOptions<Value>): Parameter<Value, "required"> {
  return { encoding: "records", presence: "required", audit: "plain", ...options };
}

export function optionalRecords<Value>(options: ParameterOptions<Value>): Parameter<Value, "optional"> {
  return { encoding: "records", presence: "optional", audit: "plain", ...options };
}

/**
 * Reads and checks an operation's parameters. An empty text counts as not given; parameters that the operation does
 * not know are ignored, as the real service ignores them.
 *
 * @throws {@link ApiError} `MissingParameter` or `InvalidParameter`, naming the first parameter that is wrong.
 */
export function readParameters<P extends Parameters>(
  parameters: P,
  wire: ReadonlyMap<string, string>,
): ParameterValues<P> {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(parameters)) {
    const parameter = parameters[name];
    if (parameter !== undefined) values[name] = readParameter(name, parameter, wire);
  }
  // Every name of P was read by its own schema just above.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return values as ParameterValues<P>;
}

function readParameter(name: string, parameter: Parameter<unknown>, wire: ReadonlyMap<string, string>): unknown {
  const raw = readRaw(name, parameter, wire);
  if (raw === undefined || raw === "") {
    if (parameter.presence === "optional") return undefined;
    throw parameter.missingAs === undefined ? missingParameter(name) : new ApiError(parameter.missingAs);
  }
  const parsed = parameter.schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw toApiError(name, { parameter, raw, error: parsed.error });
}

function readRaw(name: string, { encoding }: Parameter<unknown>, wire: ReadonlyMap<string, string>): unknown {
  switch (encoding) {
    case "text":
      return wire.get(name);
    case "map":
      return readMap(wire, name);
    case "list":
      return readList(wire, name);
    case "records":
      return readRecords(wire, name);
  }
}

function toApiError(
  name: string,
  refused: { readonly parameter: Parameter<unknown>; readonly raw: unknown; readonly error: z.ZodError },
): ApiError {
  const advice = refused.error.issues[0]?.message ?? "";
  const { refusedAs } = refused.parameter;
  if (refusedAs === undefined) return invalidParameter(name, advice);
  const code = typeof refusedAs === "function" ? refusedAs(refused.raw) : refusedAs;
  return new ApiError(code, `${ERRORS[code].message} "${name}": ${advice}`);
}
