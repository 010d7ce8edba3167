import type { Explanation, Gate, GateExplanation, SmallestChange, StatementReference } from "@cinnabar/policy";
import { z } from "zod";

/** Statements of one gate that are told; of hundreds nobody reads more. */
const MAX_STATEMENTS = 50;

export const statementView = {
  /** Type, name and version: `Custom/readers/v2`. */
  Policy: z.string(),
  /** Counted from 0. */
  Index: z.int(),
  Sid: z.string().optional(),
};

const matched = z.object({ Effect: z.string(), ...statementView });
const missed = z.object({ Effect: z.string(), ...statementView, Element: z.string(), Reason: z.string() });

export const gateView = z.object({
  Name: z.string(),
  Required: z.string(),
  Verdict: z.string(),
  Matched: z.object({ Statement: z.array(matched) }),
  NearlyMatched: z.object({ Statement: z.array(missed) }),
});

export const changeView = z.object({
  Sentence: z.string(),
  Remove: z.object({ Statement: z.array(z.object(statementView)) }),
  Add: z.object({ Statement: z.array(z.object({ Gate: z.string(), Document: z.string() })) }),
});

/** `Allow` by itself, `Either` of two, or merely no Deny. */
const REQUIRED = { allow: "Allow", either: "Either", "no-deny": "NoDeny" } as const;

/** A statement as answers name it. */
export function toStatementView({ source, index, sid }: StatementReference) {
  const version = source.version === undefined ? "" : `/${source.version}`;
  return { Policy: `${source.type}/${source.name}${version}`, Index: index, ...(sid !== undefined && { Sid: sid }) };
}

/** The gates in their order. @param undisclosed - the one whose policies are another account's: nothing is said of it. */
export function toGateViews({ gates }: Explanation, undisclosed: Gate | undefined): z.infer<typeof gateView>[] {
  return gates.map((gate) =>
    gate.gate === undisclosed
      ? { ...headOf(gate), Verdict: "Undisclosed", Matched: { Statement: [] }, NearlyMatched: { Statement: [] } }
      : toGateView(gate),
  );
}

function headOf({ gate, required }: GateExplanation) {
  return { Name: gate, Required: REQUIRED[required] };
}

function toGateView(gate: GateExplanation): z.infer<typeof gateView> {
  return {
    ...headOf(gate),
    Verdict: gate.verdict.effect,
    Matched: {
      Statement: gate.matched
        .slice(0, MAX_STATEMENTS)
        .map(({ effect, statement }) => ({ Effect: effect, ...toStatementView(statement) })),
    },
    NearlyMatched: {
      Statement: gate.nearlyMatched.map(({ effect, statement, element, reason }) => ({
        Effect: effect,
        ...toStatementView(statement),
        Element: element,
        Reason: reason,
      })),
    },
  };
}

export function toChangeView({ sentence, remove, add }: SmallestChange): z.infer<typeof changeView> {
  return {
    Sentence: sentence,
    Remove: { Statement: remove.map((statement) => toStatementView(statement)) },
    Add: { Statement: add.map(({ gate, statement }) => ({ Gate: gate, Document: JSON.stringify(statement) })) },
  };
}
