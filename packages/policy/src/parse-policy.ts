import { Buffer } from "node:buffer";
import { parseConditions } from "./parse-conditions.ts";
import { distinct } from "./distinct.ts";
import { parsePrincipals } from "./parse-principals.ts";
import { JsonElement } from "./json-element.ts";
import { readJson } from "./json-reader.ts";
import type { Policy, PolicyKind, Statement } from "./policy.ts";
import { PolicyError } from "./policy-error.ts";
import { SearchLimit } from "./search-limit.ts";
import { isPattern, PATTERN_ALLOWED } from "./wildcard.ts";

/** Longest document that is taken unless told otherwise: that of a key policy (Alibaba Cloud KMS, "SetKeyPolicy"). */
export const MAX_POLICY_BYTES = 32_768;

const SID = /^[A-Za-z0-9_/+=.@ -]{1,128}$/;
const ACTION = /^(?:\*|[A-Za-z0-9*?._-]+:[A-Za-z0-9*?._/:-]+)$/;
/** What stands behind the last colon may hold more of them. */
const RESOURCE = /^(?:\*|acs:[a-z0-9*?-]+:[A-Za-z0-9*?-]*:[A-Za-z0-9*?-]*:[^\p{Cc}]+)$/u;

interface Allowed {
  /** In words. */
  readonly allowed: string;
  readonly test: (text: string) => boolean;
}

/** What the elements of a statement may be, which is not the same for all kinds. */
interface Rules {
  readonly elements: readonly string[];
  readonly actions: Allowed;
}

const ACTIONS: Allowed = {
  allowed: `"*", or "<service>:<action>" with wildcards * and ?, ${PATTERN_ALLOWED}`,
  test: (action) => isPattern(action) && ACTION.test(action),
};
const IDENTITY: Rules = {
  elements: ["Sid", "Effect", "Action", "NotAction", "Resource", "Condition"],
  actions: ACTIONS,
};

const RULES: Readonly<Record<PolicyKind, Rules>> = {
  identity: IDENTITY,
  session: IDENTITY,
  trust: {
    elements: ["Sid", "Effect", "Action", "Principal", "Condition"],
    actions: actionsOf("sts"),
  },
  resource: {
    elements: ["Sid", "Effect", "Action", "Principal", "Resource", "Condition"],
    actions: actionsOf("kms"),
  },
};

/**
 * Reads a policy document (Alibaba Cloud RAM, "Policy structure and syntax"; KMS, "SetKeyPolicy").
 *
 * @param document - text, or its bytes in UTF-8
 * @param options - `maxBytes`: what is longer is refused before it is read; {@link MAX_POLICY_BYTES} if not given
 * @throws {@link PolicyError} for the first fault that is found
 */
export function parsePolicy(
  document: string | Uint8Array,
  kind: PolicyKind,
  { maxBytes = MAX_POLICY_BYTES }: { readonly maxBytes?: number } = {},
): Policy {
  const policy = new JsonElement(readJson(textOf(document, maxBytes)));
  policy.object(["Version", "Statement"]);
  policy.load("Version", '"1"').text('"1"', (version) => version === "1");
  const statements = policy.load("Statement", "an array of statements").elements("an array of at least one statement");
  const searches = new SearchLimit();
  return { kind, statements: statements.map((statement) => parseStatement(statement, kind, searches)) };
}

function textOf(document: string | Uint8Array, maxBytes: number): string {
  const bytes = typeof document === "string" ? Buffer.byteLength(document) : document.length;
  if (bytes > maxBytes) throw unreadable(`${bytes} bytes`, `at most ${maxBytes} bytes`);
  if (typeof document === "string") {
    if (!document.isWellFormed()) throw unreadable("half of a surrogate pair", "Unicode text");
    return document;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(document);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw unreadable("bytes that are no UTF-8", "UTF-8");
  }
}

function unreadable(found: string, allowed: string): PolicyError {
  return new PolicyError({ path: "$", found, allowed });
}

function parseStatement(element: JsonElement, kind: PolicyKind, searches: SearchLimit): Statement {
  const { elements, actions } = RULES[kind];
  element.object(elements);
  const sid = element.find("Sid")?.text("1 to 128 letters, digits, spaces and _/+=.@-", (text) => SID.test(text));
  const isEffect = (text: string) => text === "Allow" || text === "Deny";
  const effect = element.load("Effect", '"Allow" or "Deny"').text('"Allow" or "Deny"', isEffect);
  return {
    ...(sid !== undefined && { sid }),
    effect: effect === "Allow" ? "Allow" : "Deny",
    ...parseActions(element, { elements, actions }),
    resources: parseResources(element, kind),
    ...((kind === "trust" || kind === "resource") && { principals: parsePrincipals(element, kind) }),
    conditions: parseConditions(element.find("Condition"), searches),
  };
}

function parseActions(
  statement: JsonElement,
  { elements, actions }: Rules,
): Pick<Statement, "actions" | "exceptActions"> {
  const { allowed, test } = actions;
  const except = statement.find("NotAction");
  if (except !== undefined && statement.find("Action") !== undefined) {
    throw except.fault("nothing: a statement has Action or NotAction");
  }
  const names = elements.includes("NotAction") ? "Action or NotAction" : "Action";
  const element = except ?? statement.load("Action", `${names}: ${allowed}, or an array of such`);
  const patterns = element.oneOrMore(`${allowed}, or an array of such`).map((action) => action.text(allowed, test));
  return { exceptActions: except !== undefined, actions: distinct(patterns) };
}

function parseResources(statement: JsonElement, kind: PolicyKind): readonly string[] {
  // A trust policy is about its role.
  if (kind === "trust") return ["*"];
  const allowed =
    kind === "resource"
      ? '"*"'
      : `"*", or "acs:<service>:<region>:<account>:<resource>" with wildcards * and ?, ${PATTERN_ALLOWED}`;
  const test = (text: string) => (kind === "resource" ? text === "*" : isPattern(text) && RESOURCE.test(text));
  const orArray = `${allowed}, or an array of such`;
  const resources = statement.load("Resource", orArray).oneOrMore(orArray);
  return distinct(resources.map((resource) => resource.text(allowed, test)));
}

function actionsOf(service: "kms" | "sts"): Allowed {
  return {
    allowed: `"${service}:<action>" with wildcards * and ?`,
    test: (action) => ACTIONS.test(action) && action.toLowerCase().startsWith(`${service}:`),
  };
}
