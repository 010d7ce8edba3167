import type { Answer, CinnabarClient } from "@cinnabar/client";
import { isAnswer, items, text } from "../answer-fields.ts";
import { Failure } from "../failure.ts";

const RAM = { version: "2015-05-01" };

/** Recorded calls by one caller of one operation that come to the same under a policy that is tried. */
export interface TriedCalls {
  readonly outcome: string;
  readonly caller: {
    readonly type: string;
    readonly accountId: string;
    readonly principalId: string;
    readonly name: string;
  };
  readonly operation: string;
  readonly calls: number;
  readonly firstDate: string;
  readonly lastDate: string;
  readonly lastEventId: string;
}

/** What a policy would have made of recorded calls. */
export interface Trial {
  readonly startTime: string;
  readonly endTime: string;
  /** The calls that concern what is tried. */
  readonly calls: number;
  readonly outcomes: readonly TriedCalls[];
}

/** Tries a policy on all recorded calls, page by page. */
export async function readTrial(client: CinnabarClient, parameters: Readonly<Record<string, string>>): Promise<Trial> {
  const outcomes = new Map<string, TriedCalls>();
  let page: Readonly<Record<string, string>> = {};
  for (;;) {
    const answer = await client.call("TryPolicy", { ...parameters, ...page }, RAM);
    for (const item of items(answer, "Outcomes.Outcome")) addTo(outcomes, toTriedCalls(item));
    const { StartTime, EndTime, NextToken: next } = answer;
    if (typeof next === "string") {
      page = { NextToken: next };
      continue;
    }
    const all = [...outcomes.values()];
    return { startTime: text(StartTime), endTime: text(EndTime), calls: sum(all), outcomes: all };
  }
}

/** How many calls there are in all. */
export function sum(all: readonly TriedCalls[]): number {
  return all.reduce((sum, { calls }) => sum + calls, 0);
}

function addTo(all: Map<string, TriedCalls>, more: TriedCalls): void {
  const { outcome, caller, operation } = more;
  const id = JSON.stringify([outcome, caller.type, caller.accountId, caller.principalId, operation]);
  const known = all.get(id);
  if (known === undefined) {
    all.set(id, more);
    return;
  }
  const newest = more.lastDate > known.lastDate ? more : known;
  const firstDate = more.firstDate < known.firstDate ? more.firstDate : known.firstDate;
  all.set(id, { ...newest, firstDate, calls: known.calls + more.calls });
}

function toTriedCalls(item: Answer): TriedCalls {
  const { Calls: calls } = item;
  if (!isAnswer(item) || typeof calls !== "number") throw new Failure("The answer has an outcome of no calls.");
  return {
    outcome: text(item["Outcome"]),
    caller: {
      type: text(item["Type"]),
      accountId: text(item["AccountId"]),
      principalId: text(item["PrincipalId"]),
      name: text(item["Name"]),
    },
    operation: text(item["Operation"]),
    calls,
    firstDate: text(item["FirstDate"]),
    lastDate: text(item["LastDate"]),
    lastEventId: text(item["LastEventId"]),
  };
}
