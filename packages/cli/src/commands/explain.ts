import type { Answer } from "@cinnabar/client";
import { isAnswer, items, text } from "../answer-fields.ts";
import { UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { printable } from "../table.ts";

export interface ExplainOptions extends ServiceOptions {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** Each `KEY=VALUE`. */
  readonly condition?: readonly string[];
  readonly json?: boolean;
}

const RAM = { version: "2015-05-01" };

/** `cinnabar explain --principal P --action A --resource R` */
export async function explain(options: ExplainOptions, io: Io): Promise<void> {
  const { principal, action, resource, condition = [], json } = options;
  const question = { AuthPrincipal: principal, AuthAction: action, AuthResource: resource, ...toFields(condition) };
  const answer = await withClient(options, io, (client) => client.call("GetAccessExplanation", question, RAM));
  await write(io.stdout, json === true ? `${JSON.stringify(answer, undefined, 2)}\n` : describe(answer));
}

function toFields(conditions: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    conditions.flatMap((condition, index) => {
      const at = condition.indexOf("=");
      if (at < 1) throw new UsageFailure(`--condition ${condition} must read KEY=VALUE.`);
      const field = `AuthCondition.${index + 1}`;
      return [
        [`${field}.Key`, condition.slice(0, at)],
        [`${field}.Value`, condition.slice(at + 1)],
      ];
    }),
  );
}

const POLICIES: Readonly<Record<string, string>> = {
  session: "policy of the session",
  identity: "policies of the principal",
  resource: "policy of the resource",
};
const REQUIRED: Readonly<Record<string, string>> = {
  Allow: "must allow",
  Either: "one of the two must allow",
  NoDeny: "must not deny",
};
const VERDICTS: Readonly<Record<string, string>> = {
  Allow: "Allow",
  Deny: "Deny",
  None: "nothing that applies",
  Undisclosed: "another account's, not told",
};

function describe(answer: Answer): string {
  const lines = [
    shown(answer["AuthPrincipal"]),
    `${shown(answer["AuthAction"])} on ${shown(answer["AuthResource"])}`,
    "",
    ...items(answer, "Gates.Gate").flatMap((gate, index) => describeGate(gate, index + 1)),
    "",
    conclusion(answer),
    ...changes(answer),
  ];
  return `${lines.join("\n")}\n`;
}

function describeGate(gate: Answer, number: number): string[] {
  const { Name: name, Required: required, Verdict: verdict } = gate;
  const head = `${number}. ${named(POLICIES, name)}, ${named(REQUIRED, required)}: ${named(VERDICTS, verdict)}`;
  return [
    head,
    ...items(gate, "Matched.Statement").map((each) => `     ${text(each["Effect"]).toLowerCase()}: ${statement(each)}`),
    ...items(gate, "NearlyMatched.Statement").map(
      (each) =>
        `     nearly ${text(each["Effect"]).toLowerCase()}: ${statement(each)}, but for ${shown(each["Element"])}. ${shown(each["Reason"])}`,
    ),
  ];
}

/** Counted from 1, as people do. */
function statement({ Policy: policy, Index: index, Sid: sid }: Answer): string {
  const named = sid === undefined ? "" : ` (${shown(sid)})`;
  return `statement ${typeof index === "number" ? index + 1 : "?"}${named} of ${shown(policy)}`;
}

function conclusion(answer: Answer): string {
  const { Decision: decision, DecidedBy: decidedBy, RefusedBy: refusedBy } = answer;
  const by = isAnswer(decidedBy) ? ` by ${statement(decidedBy)}` : "";
  switch (decision) {
    case "Allowed":
      return by === "" ? "Allowed: it is the root of the account." : `Allowed${by}.`;
    case "OtherAccount":
      return "Allowed as far as this account goes: the other account's policies decide.";
    default:
      return by === "" ? `Denied: the ${named(POLICIES, refusedBy)} must allow it, and nothing does.` : `Denied${by}.`;
  }
}

function changes({ SmallestChange: change }: Answer): string[] {
  if (!isAnswer(change)) return [];
  const added = items(change, "Add.Statement");
  return [
    `To allow it: ${shown(change["Sentence"])}`,
    ...added.map(({ Gate: gate, Document: document }) => `  ${named(POLICIES, gate)}: ${shown(document)}`),
  ];
}

function named(names: Readonly<Record<string, string>>, value: unknown): string {
  return names[text(value)] ?? shown(value);
}

function shown(value: unknown): string {
  return printable(text(value));
}
