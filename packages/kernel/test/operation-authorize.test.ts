import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { Decision, Explanation } from "@cinnabar/policy";
import type { EventObject } from "../src/audit/event.ts";
import { AccessDeniedError, deniedByRule } from "../src/operation/access-denied.ts";
import { authorize } from "../src/operation/authorize.ts";
import { type Authorizer, rootOnly } from "../src/operation/authorizer.ts";
import { RootKey } from "../src/custody/root-key.ts";
import { rowGuardKeys } from "../src/custody/row-guard-keys.ts";
import { conditionsOf } from "../src/operation/conditions.ts";
import { decodeDiagnosis } from "../src/operation/diagnostic-message.ts";
import { ApiError, ERRORS } from "../src/operation/errors.ts";
import type { AccessRequest, ProductName, RequestContext } from "../src/operation/operation.ts";
import { type Principal, rootPrincipal } from "../src/operation/principal.ts";
import { OperationRegistry } from "../src/operation/registry.ts";
import { RowGuard } from "../src/store/row-guard.ts";
import { operations, VERSION } from "./support/test-service.ts";

const guard = new RowGuard(rowGuardKeys(new RootKey(randomBytes(32))));
const root = rootPrincipal({ accountId: "1", accessKeyId: "LTAI5t" });
const user: Principal = {
  type: "ram-user",
  accountId: "1",
  accessKeyId: "LTAI5t",
  arn: "acs:ram::1:user/alice",
  userId: "200000000000000001",
  userName: "alice",
};
const role: Principal = {
  type: "assumed-role",
  accountId: "1",
  accessKeyId: "STS.x",
  arn: "acs:ram::1:role/reader/batch",
  roleId: "300000000000000001",
  roleName: "reader",
  sessionName: "batch",
  sessionPolicy: undefined,
  mfaPresent: true,
  startedAt: 0,
};

const request = (accountId: string, hiddenAs: AccessRequest["hiddenAs"] = "Forbidden.KeyNotFound"): AccessRequest => ({
  action: "kms:Encrypt",
  resource: "acs:kms:::key/x",
  accountId,
  hiddenAs,
});

/** A call of an operation, and what the authorization gate did to it. */
class Call {
  readonly context: RequestContext;
  from = 0;
  until = Number.MAX_SAFE_INTEGER;
  noted: EventObject = {};

  constructor(principal: Principal) {
    // All that the gate looks at.
    this.context = {
      principal,
      now: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      isSecure: true,
      sourceAddress: "192.0.2.7",
      guard,
      holdsFrom: (time: number) => (this.from = Math.max(this.from, time)),
      holdsUntil: (time: number) => (this.until = Math.min(this.until, time)),
      note: (facts: EventObject) => (this.noted = { ...this.noted, ...facts }),
    } as unknown as RequestContext;
  }

  /** The error that refuses the call. */
  async refusal(
    requests: readonly AccessRequest[],
    {
      authorizer,
      product = "Kms",
      notesRights = false,
    }: { authorizer: Authorizer; product?: ProductName; notesRights?: boolean },
  ): Promise<ApiError | undefined> {
    try {
      await authorize({ authorizer, context: this.context, requests, product, notesRights });
      return undefined;
    } catch (error) {
      assert.ok(error instanceof ApiError);
      return error;
    }
  }
}

/** Decides what it is told, one request after the other, at once or later. */
function deciding(decisions: readonly Decision[], { isLate = false, smallestChange = "Allow it." } = {}): Authorizer {
  const left = [...decisions];
  return {
    decide() {
      const decision = left.shift() ?? ALLOWED;
      return isLate ? Promise.resolve(decision) : decision;
    },
    explain(): Explanation {
      return {
        decision: REFUSED,
        gates: [],
        smallestChange: { sentence: smallestChange, remove: [], add: [] },
      };
    },
  };
}

const ALLOWED: Decision = { allowed: true, by: "root" };
const REFUSED: Decision = { allowed: false, gate: "identity", explicit: false };

test("without policies the root of an account may do everything to what is its own, and nobody else anything", async () => {
  const asRoot = (requests: readonly AccessRequest[]) => new Call(root).refusal(requests, { authorizer: rootOnly });
  assert.equal(await asRoot([]), undefined);
  assert.equal(await asRoot([request("1"), request("1", "Forbidden.AliasNotFound")]), undefined);
  for (const hiddenAs of ["Forbidden.KeyNotFound", "Forbidden.AliasNotFound", "Forbidden.NoPermission"] as const) {
    assert.equal((await asRoot([request("1"), request("2", hiddenAs)]))?.code, hiddenAs);
  }
  for (const who of [user, role]) {
    assert.equal(
      (await new Call(who).refusal([request("1")], { authorizer: rootOnly }))?.code,
      "Forbidden.NoPermission",
    );
  }
});

test("every right is needed, whether it is decided at once or later", async () => {
  for (const isLate of [false, true]) {
    const requests = [request("1"), request("1"), request("1")];
    const allowed = await new Call(user).refusal(requests, { authorizer: deciding([], { isLate }) });
    assert.equal(allowed, undefined);
    for (const missing of [0, 1, 2]) {
      const decisions = requests.map((_, i) => (i === missing ? REFUSED : ALLOWED));
      const error = await new Call(user).refusal(requests, { authorizer: deciding(decisions, { isLate }) });
      assert.equal(error?.code, "Forbidden.NoPermission");
    }
  }
});

test("the event says which rights were asked for, and nothing of another account's that was not granted", async () => {
  const rightsNoted = async (accounts: readonly string[], decisions: readonly Decision[], notesRights = true) => {
    const call = new Call(user);
    const requests = accounts.map((accountId) => request(accountId));
    await call.refusal(requests, { authorizer: deciding(decisions), notesRights });
    return call.noted["rights"];
  };
  const right = { action: "kms:Encrypt", resource: "acs:kms:::key/x" };
  assert.deepEqual(await rightsNoted(["1", "2"], []), [right, right]);
  assert.deepEqual(await rightsNoted(["1", "1"], [REFUSED]), [right, right]);
  assert.deepEqual(await rightsNoted(["1", "1"], [ALLOWED, REFUSED]), [right, right]);
  assert.equal(await rightsNoted(["1", "2"], [REFUSED]), undefined);
  assert.equal(await rightsNoted(["1", "2"], [ALLOWED, REFUSED]), undefined);
  assert.equal(await rightsNoted(["1"], [], false), undefined);
  assert.equal(await rightsNoted([], []), undefined);
});

test("an answer holds no longer than the decisions that it stands on, refusals included", async () => {
  const call = new Call(user);
  const authorizer = deciding([
    { ...ALLOWED, window: { from: 10, until: 90 } },
    { ...ALLOWED, window: { until: 80 } },
    { ...REFUSED, window: { from: 20 } },
  ]);
  await call.refusal([request("1"), request("1"), request("1")], { authorizer });
  assert.deepEqual([call.from, call.until], [20, 80]);
});

test("what only those may know who have all rights is said once they have them", async () => {
  const said: string[] = [];
  const requests = ["one", "two"].map((name) => ({ ...request("2"), onAllowed: () => said.push(name) }));
  await new Call(user).refusal(requests, { authorizer: deciding([ALLOWED, REFUSED]) });
  assert.deepEqual(said, []);
  await new Call(user).refusal(requests, { authorizer: deciding([], { isLate: true }) });
  assert.deepEqual(said, ["one", "two"]);
});

test("within its account a caller hears why, each product by its code; of another account nothing is said or recorded", async () => {
  const call = new Call(user);
  const authorizer = (): Authorizer => deciding([REFUSED]);
  const own = await call.refusal([request("1")], { authorizer: authorizer() });
  assert.ok(own instanceof AccessDeniedError);
  const { EncodedDiagnosticMessage: message = "", ...detail } = own.detail;
  assert.deepEqual(decodeDiagnosis(guard, message)?.principal, {
    type: "SubUser",
    name: "200000000000000001",
    accountId: "1",
  });
  assert.deepEqual(detail, {
    AuthAction: "kms:Encrypt",
    AuthPrincipalType: "SubUser",
    AuthPrincipalDisplayName: "200000000000000001",
    AuthPrincipalOwnerId: "1",
    NoPermissionType: "ImplicitDeny",
    PolicyType: "AccountLevelIdentityBasedPolicy",
    resource: "acs:kms:::key/x",
    gate: "identity",
    smallestChange: "Allow it.",
  });
  assert.equal(own.message, "This operation for acs:kms:::key/x is forbidden by permission system. Allow it.");
  assert.deepEqual(call.noted, {
    accessDenied: {
      action: "kms:Encrypt",
      gate: "identity",
      gates: [],
      resource: "acs:kms:::key/x",
      smallestChange: "Allow it.",
      type: "ImplicitDeny",
    },
  });
  const ofRam = await call.refusal([request("1")], { authorizer: authorizer(), product: "Ram" });
  assert.deepEqual([ofRam?.code, ofRam?.status], ["NoPermission", 403]);
  assert.equal(ofRam?.message, `${ERRORS.NoPermission.message} Allow it.`);

  const stranger = new Call(user);
  const foreign = await stranger.refusal([request("2")], { authorizer: authorizer() });
  assert.ok(!(foreign instanceof AccessDeniedError));
  assert.deepEqual(
    [foreign?.code, foreign?.message],
    ["Forbidden.KeyNotFound", ERRORS["Forbidden.KeyNotFound"].message],
  );
  assert.deepEqual(stranger.noted, {});
});

test("a trust policy that refuses is told by its published name, other policies of resources by theirs", async () => {
  for (const [withinAccount, expected] of [
    ["both", "AssumeRolePolicy"],
    [undefined, "ResourceBasedPolicy"],
  ] as const) {
    const authorizer = deciding([{ allowed: false, gate: "resource", explicit: false }]);
    const error = await new Call(user).refusal([{ ...request("1"), withinAccount }], { authorizer });
    assert.ok(error instanceof AccessDeniedError);
    assert.equal(error.detail.PolicyType, expected);
  }
});

test("what no policy could allow is told and put on record as a rule", () => {
  const call = new Call(user);
  const asked = { product: "Kms", action: "kms:Encrypt", resource: "acs:kms:::key/x" } as const;
  const error = deniedByRule(call.context, asked, "Nobody may.");
  assert.deepEqual([error.code, error.message, error.detail.gate], ["Forbidden.NoPermission", "Nobody may.", "rule"]);
  const { action, resource } = asked;
  assert.deepEqual(call.noted, {
    accessDenied: { action, gate: "rule", gates: [], resource, type: "ExplicitDeny" },
  });
});

test("a Deny is told with the statement that denies", async () => {
  const statement = {
    source: { type: "Custom", name: "no-writes", version: "v2" },
    index: 3,
    sid: "stop",
  } as const;
  const authorizer = deciding([{ allowed: false, gate: "session", explicit: true, statement }]);
  const error = await new Call(role).refusal([request("1")], { authorizer });
  assert.ok(error instanceof AccessDeniedError);
  const { AuthPrincipalType, AuthPrincipalDisplayName, NoPermissionType, PolicyType, statement: told } = error.detail;
  assert.deepEqual(
    [AuthPrincipalType, AuthPrincipalDisplayName, NoPermissionType, PolicyType, told],
    [
      "AssumedRoleUser",
      "reader:batch",
      "ExplicitDeny",
      "SessionPolicy",
      { policy: "Custom/no-writes/v2", index: 3, sid: "stop" },
    ],
  );
});

test("a reason that names very many statements is cut", async () => {
  const authorizer = deciding([REFUSED], { smallestChange: "x".repeat(100_000) });
  const call = new Call(user);
  const error = await call.refusal([request("1")], { authorizer });
  assert.ok(error instanceof AccessDeniedError);
  assert.equal(error.detail.smallestChange?.length, 2048);
  assert.ok(error.message.length < 3000 && JSON.stringify(call.noted).length < 3000);
});

test("conditions are those of the call, of its resource's tags, and those that the operation knows", () => {
  const { context } = new Call(role);
  const conditions = conditionsOf(context, {
    action: "kms:Encrypt",
    tags: new Map([["Team", "blue"]]),
    conditions: new Map([["sts:externalid", "x-1"]]),
  });
  const values = {
    "acs:currenttime": "2026-01-02T03:04:05.678Z",
    "acs:securetransport": "true",
    "acs:sourceip": "192.0.2.7",
    "acs:mfapresent": "true",
    "acs:principalarn": "acs:ram::1:role/reader",
    "acs:resourcetag/Team": "blue",
    "kms:tag/Team": "blue",
    "kms:tag/team": undefined,
    "ram:tag/Team": undefined,
    "sts:externalid": "x-1",
    "acs:sourcevpc": undefined,
  };
  for (const [key, value] of Object.entries(values)) assert.equal(conditions.get(key), value, key);
  assert.equal(conditionsOf(new Call(user).context, { action: "kms:Encrypt" }).get("acs:mfapresent"), "false");
});

test("an operation is found by version and name, and cannot be declared twice", () => {
  const registry = new OperationRegistry(operations);
  for (const operation of operations) assert.equal(registry.find(VERSION, operation.name), operation);
  assert.equal(registry.find("2015-01-01", "DescribeThing"), undefined);
  for (const name of ["describething", "", "toString", "__proto__"])
    assert.equal(registry.find(VERSION, name), undefined);
  assert.ok(registry.hasVersion(VERSION));
  assert.ok(!registry.hasVersion("2015-01-01"));
  assert.deepEqual(registry.versions, [VERSION]);
  assert.deepEqual(registry.operations, operations);
  assert.throws(() => new OperationRegistry([...operations, ...operations.slice(0, 1)]), RangeError);
});

test("an error has its status and message from the table, unless it says more", () => {
  const error = new ApiError("Rejected.Disabled");
  assert.equal(error.status, 409);
  assert.equal(error.message, ERRORS["Rejected.Disabled"].message);
  assert.equal(new ApiError("InvalidParameter", "More.").message, "More.");
});
