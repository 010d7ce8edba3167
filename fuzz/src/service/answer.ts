import { ERRORS } from "@cinnabar/kernel";
import { Violation } from "../engine/target.ts";

const REQUEST_ID = /^[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}$/;

/** What the listener answers by itself, before a request is one: its codes with their statuses. */
const LISTENER_ERRORS: Readonly<Record<string, readonly number[]>> = {
  ParseRequestParameterException: [400],
  UnsupportedHTTPMethod: [403],
  ExpectationFailed: [417],
  RequestTimeout: [408],
  RequestTooLarge: [413, 431],
  ServiceUnavailableTemporary: [503],
};

/** An HTTP answer as it came. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** An answer of which all is in order. */
export interface CheckedAnswer {
  readonly status: number;
  /** Undefined for a success. */
  readonly code: string | undefined;
  /** Of a success in JSON. */
  readonly result: Readonly<Record<string, unknown>>;
}

/**
 * Checks all that every answer promises: its content type, a RequestId in header and body, and for an error a documented
 * code with its status and a message.
 *
 * @throws Violation
 */
export function checkAnswer(answer: HttpAnswer): CheckedAnswer {
  const { status, headers, body } = answer;
  const contentType = headers.get("content-type") ?? "";
  const fields = contentType.startsWith("text/xml") ? readXml(body) : readJson(body);
  const shown = `${status} ${body.slice(0, 400)}`;
  const requestId = fields["RequestId"];
  if (typeof requestId !== "string" || !REQUEST_ID.test(requestId)) throw new Violation(`no RequestId: ${shown}`);
  if (headers.get("x-acs-request-id") !== requestId)
    throw new Violation(`header and body name other requests: ${shown}`);
  if (status === 200) {
    if ("Code" in fields) throw new Violation(`a success with a code: ${shown}`);
    return { status, code: undefined, result: fields };
  }
  const code = fields["Code"];
  if (typeof code !== "string" || !statusesOf(code).includes(status))
    throw new Violation(`not a documented error: ${shown}`);
  if (Number(fields["HttpStatus"]) !== status) throw new Violation(`HttpStatus is not the status: ${shown}`);
  if (typeof fields["Message"] !== "string" || fields["Message"] === "") throw new Violation(`no message: ${shown}`);
  if (code === "InternalFailure") throw new Violation(`the server failed by itself: ${shown}`);
  return { status, code, result: {} };
}

function statusesOf(code: string): readonly number[] {
  const own = Object.hasOwn(LISTENER_ERRORS, code) ? (LISTENER_ERRORS[code] ?? []) : [];
  const errors: Readonly<Record<string, { status: number }>> = ERRORS;
  return Object.hasOwn(errors, code) ? [...own, errors[code]?.status ?? 0] : own;
}

function readJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Violation(`the body is not a JSON object: ${body.slice(0, 400)}`);
}

/** The texts of the outermost elements, by name; enough to see what error it is. */
function readXml(body: string): Record<string, unknown> {
  const elements = body.matchAll(/<(RequestId|Code|HttpStatus|Message)>([^<]*)<\/\1>/g);
  return Object.fromEntries([...elements].map(([, name = "", text = ""]) => [name, text]));
}
