/** The official clients as they are driven here: a package, and what it can choose on the wire. */
export const CLIENT_NAMES = [
  "kms20160120",
  "pop-core GET",
  "pop-core POST",
  "openapi-core",
  "openapi-core form",
  "openapi-core SM3",
  "openapi-core ACS4",
] as const;

/** Those of one product alone, which speak no other. */
const PRODUCT_CLIENT_NAMES = ["ram20150501", "sts20150401"] as const;

export type ClientName = (typeof CLIENT_NAMES)[number] | (typeof PRODUCT_CLIENT_NAMES)[number];

export interface ClientSetup {
  readonly name: ClientName;
  /** URL of the API, without a path. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

type Fields = Readonly<Record<string, string>>;
/** A list of texts or of records, which every client numbers by itself. */
type List = readonly string[] | readonly Fields[];

/** Under their published names. An object is a map: flattened or JSON, as the client's own users would send it. */
export type CallParameters = Readonly<Record<string, string | number | boolean | Fields | List>>;

/** What a client otherwise chooses by itself. */
export interface CallOptions {
  readonly version?: string;
  /** As it is sent. */
  readonly timestamp?: string;
}

/** An answer's JSON. */
export type Body = Readonly<Record<string, unknown>>;

/** An error of the service as the client shows it; the wrapper has checked that the client contradicts itself nowhere. */
export interface ShownError {
  readonly code: string;
  readonly status: number;
  readonly body: Body;
}

/** One interface for all of them. */
export interface OfficialClient {
  /** @throws whatever the client throws. */
  call(action: string, parameters: CallParameters, options: CallOptions): Promise<Body>;
  /** Reads what `call` threw; throws it again if it is no answer of the service. */
  readError(thrown: unknown): ShownError;
  /** Whether such a call goes through the operation's own method and classes; left out, none does. */
  isTyped?(action: string, parameters: CallParameters, options: CallOptions): boolean;
}

/** One answer on the wire. */
export interface Exchange {
  readonly status: number;
  readonly contentType: string | undefined;
  /** Local port of the client's socket. */
  readonly localPort: number | undefined;
}

/** What came of a call. */
export interface Outcome {
  readonly body: Body;
  /** `undefined` if the client took the answer for a success. */
  readonly error: Pick<ShownError, "code" | "status"> | undefined;
  /** The answer whose header x-acs-request-id is the body's RequestId; `undefined` if there was none. */
  readonly exchange: Exchange | undefined;
  /** Whether it went through the operation's own method and classes. */
  readonly isTyped: boolean;
}

export const API_VERSION = "2016-01-20";

/** For a machine that is busy with other tests. */
export const TIMEOUT_MILLIS = 30_000;

/** The parameters as text, maps as JSON and lists as they are: what users of clients without request classes write. */
export function toTexts(parameters: CallParameters): Record<string, string | List> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, toTextOrList(value)]));
}

function toTextOrList(value: CallParameters[string]): string | List {
  if (isList(value)) return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function isList(value: CallParameters[string]): value is List {
  return Array.isArray(value);
}
