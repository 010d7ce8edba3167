import { readFileSync } from "node:fs";

/** How a client of another language puts a call on the wire: what fixtures/sdk-request-shapes.json has of each. */
export interface RequestShape {
  readonly client: string;
  /** Where it was read. */
  readonly source: string;
  readonly signature: "V1" | "ACS3";
  /** Where the protocol's parameters go, and where those of the operation. */
  readonly commonIn: "query" | "form";
  readonly ownIn: "query" | "form";
  /** Sent, and signed, with every call. */
  readonly parameters: Readonly<Record<string, string>>;
  /** In their order and spelling; `@host`, `@action` and `@version` stand for the call's. */
  readonly headers: Readonly<Record<string, string>>;
  /** How it spells characters on the wire that it signs as %20, ~ and %2A. */
  readonly wire: { readonly space: string; readonly tilde: string; readonly star: string };
}

export const requestShapes: readonly RequestShape[] = readFixture("sdk-request-shapes.json") as RequestShape[];

export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8"));
}
