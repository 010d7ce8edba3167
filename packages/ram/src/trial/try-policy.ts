import { hash } from "node:crypto";
import {
  type AccessRequest,
  ApiError,
  type DeclaredOperation,
  defineOperation,
  integerText,
  invalidParameter,
  optional,
  type ParameterValues,
  required,
  type RequestContext,
  storableText,
} from "@cinnabar/kernel";
import { z } from "zod";
import type { Applications } from "../access/applications.ts";
import type { FindRight, FoundRight } from "../access/asked-resource.ts";
import { formatInstant, ram } from "../api.ts";
import { IdentityPolicies } from "../authorization/identity-policies.ts";
import { onAccount } from "../resource-name.ts";
import {
  loadTriedIdentityPolicy,
  loadTriedKeyPolicy,
  MAX_KEY_POLICY_BYTES,
  type TriedAt,
} from "./load-tried-policy.ts";
import { OutcomeTally, outcomeView } from "./outcome-tally.ts";
import { readRecordedCall } from "./recorded-call.ts";
import type { RecordedCalls } from "./recorded-calls.ts";
import { Replay } from "./replay.ts";
import { encodeTrialToken, type TrialPlace, trialToken } from "./trial-token.ts";
import type { TriedPolicy } from "./tried-policy.ts";

const DAY_SECONDS = 24 * 60 * 60;
/** How far events can be looked up (ActionTrail, "LookupEvents"). */
const MAX_DAYS = 90;
const DEFAULT_DAYS = 30;
/** When a call begins no further search, in milliseconds: a request is given up after less than two seconds. */
const WORK_MILLIS = 500;
/** Events that are read at once, and of one call. */
const READ_EVENTS = 1_000;
const MAX_EVENTS = 10_000;
const MAX_NAME_CHARACTERS = 256;
const DIGEST_CHARACTERS = 16;

/** What a trial needs that is not in a request's context. */
export interface TrialParts {
  /** Knows what has a policy of its own outside of RAM. */
  readonly findRight: FindRight;
  readonly recorded: RecordedCalls;
  readonly applications: Applications;
}

const name = (description: string) =>
  optional({ schema: storableText({ maxCharacters: MAX_NAME_CHARACTERS }), description });

const parameters = {
  PolicyDocument: required({
    schema: storableText({ maxCharacters: MAX_KEY_POLICY_BYTES }),
    description: "What the policy would say, as JSON: a key's policy for KeyId, else one of RAM.",
  }),
  KeyId: name("The key whose policy it would be: an id, an alias (alias/<name>), or the key's ARN."),
  UserName: name("The user that it would be attached to."),
  GroupName: name("The group that it would be attached to."),
  RoleName: name("The role that it would be attached to."),
  PolicyName: name("The custom policy that would say this from now on, to all that it is attached to."),
  Days: optional({
    schema: integerText({ min: 1, max: MAX_DAYS }),
    description: `The recorded calls of so many days, at most ${MAX_DAYS}. ${DEFAULT_DAYS} by default.`,
  }),
  NextToken: optional({
    schema: trialToken,
    description: "The NextToken of the page before, with the other parameters as they were.",
  }),
};

/**
 * TryPolicy, which the published API does not have: what a policy would have made of the account's recorded calls. Whoever
 * may call it learns by trying what the policies of the account's users and roles allow.
 */
export function tryPolicy({ findRight, recorded, applications }: TrialParts): DeclaredOperation {
  const policies = new IdentityPolicies();
  return defineOperation({
    ...ram,
    name: "TryPolicy",
    summary:
      "Tells which recorded calls a policy of a key, user, group or role would refuse, or allow, that now are not.",
    kind: "read",
    throttlingClass: "LookupEvents",
    queue: "lookup",
    readWrite: "Read",
    parameters,
    result: z.object({
      StartTime: z.string(),
      EndTime: z.string(),
      Outcomes: z.object({ Outcome: z.array(outcomeView) }),
      /** Left out on the last page. The calls of all pages add up. */
      NextToken: z.string().optional(),
    }),
    recordedResult: ["StartTime", "EndTime"],
    errors: [
      "MalformedPolicyDocument",
      "EntityNotExist.User",
      "EntityNotExist.Group",
      "EntityNotExist.Role",
      "EntityNotExist.Policy",
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
    ],
    target: (context, values) => findPlace(context, values, findRight),
    access: (context, { key }) => [
      onAccount(context, "ram:TryPolicy"),
      lookingUp(context),
      ...(key === undefined ? [] : [key]),
    ],
    async handle(context, { PolicyDocument: document, Days: days = DEFAULT_DAYS, NextToken: place }, { key, at }) {
      const deadline = performance.now() + WORK_MILLIS;
      const tried =
        at === undefined ? loadTriedKeyPolicy(key, document) : await loadTriedIdentityPolicy(context, at, document);
      const digest = digestOf(context, tried, document);
      if (place !== undefined && place.digest !== digest) {
        throw invalidParameter(
          "NextToken",
          "It is of a trial with other parameters, or of users and roles that changed.",
        );
      }
      const range = place?.range ?? (await recorded.lastSeconds(context, days * DAY_SECONDS));
      const replay = new Replay({ context, policies, findRight, recorded, applications, tried });
      const begin = { range, digest, search: place?.search ?? 0, after: place?.after };
      const { tally, next } = await work({ context, recorded, tried, replay, deadline }, begin);
      return {
        result: {
          StartTime: formatInstant(range.from * 1000),
          EndTime: formatInstant(range.to * 1000),
          Outcomes: { Outcome: tally.toView() },
          ...(next !== undefined && { NextToken: encodeTrialToken(next) }),
        },
      };
    },
  });
}

/** Where the policy would stand: a key, or what RAM has. */
type Place = { readonly key: FoundRight; readonly at?: undefined } | { readonly key?: undefined; readonly at: TriedAt };

const PLACES = ["KeyId", "UserName", "GroupName", "RoleName", "PolicyName"] as const;

async function findPlace(
  context: RequestContext,
  values: ParameterValues<typeof parameters>,
  findRight: FindRight,
): Promise<Place> {
  const [named, ...others] = PLACES.filter((place) => values[place] !== undefined);
  const name = named === undefined ? undefined : values[named];
  if (named === undefined || name === undefined || others.length > 0) {
    throw new ApiError("InvalidParameter", `Exactly one of ${PLACES.join(", ")} says where the policy is tried.`);
  }
  if (named !== "KeyId") return { at: { type: TYPES[named], name } };
  const key = await findRight(context, "kms:GetKeyPolicy", name);
  if (key === undefined) throw new ApiError("Forbidden.KeyNotFound");
  return { key };
}

const TYPES = { UserName: "user", GroupName: "group", RoleName: "role", PolicyName: "policy" } as const;

/** What is told is told of events. */
function lookingUp({ principal: { accountId } }: RequestContext): AccessRequest {
  return { action: "actiontrail:LookupEvents", resource: "*", accountId, hiddenAs: "NoPermission" };
}

/** Ties a token to what is tried: also to the users and roles that it concerns, whose number and order it counts. */
function digestOf({ principal }: RequestContext, { searches, ...tried }: TriedPolicy, document: string): string {
  const where = tried.kind === "key" ? tried.key.resource : tried.inPlaceOf;
  const all = [principal.accountId, document, where ?? null, searches.map(({ attributes }) => attributes)];
  return hash("sha256", JSON.stringify(all), "base64url").slice(0, DIGEST_CHARACTERS);
}

interface Work {
  readonly context: RequestContext;
  readonly recorded: RecordedCalls;
  readonly tried: TriedPolicy;
  readonly replay: Replay;
  /** When to stop, by `performance.now()`. */
  readonly deadline: number;
}

/** Goes on with a trial as far as it comes in time. */
async function work(
  { context, recorded, tried, replay, deadline }: Work,
  begin: TrialPlace,
): Promise<{ readonly tally: OutcomeTally; readonly next: TrialPlace | undefined }> {
  const tally = new OutcomeTally();
  const { accountId } = context.principal;
  const { range } = begin;
  let [{ search, after }, read] = [begin, 0];
  for (let current = tried.searches[search]; current !== undefined; current = tried.searches[search]) {
    if (read >= MAX_EVENTS || (read > 0 && performance.now() >= deadline)) {
      return { tally, next: { ...begin, search, after } };
    }
    const { attributes } = current;
    const { events, next } = await recorded.search(context, {
      accountId,
      attributes,
      range,
      limit: READ_EVENTS,
      after,
      deadline,
    });
    for (const event of events) {
      const call = readRecordedCall(context, event, recorded);
      if (call === undefined || !current.accepts(call)) continue;
      const outcome = await replay.outcomeOf(call);
      if (outcome !== undefined) tally.add(outcome, call);
    }
    read += events.length + 1;
    after = next;
    if (next === undefined) search++;
  }
  return { tally, next: undefined };
}
