import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CinnabarClient } from "@cinnabar/client";
import { forEachDatabase } from "@cinnabar/testkit";
import { Application, callsOnKey } from "./support/application.ts";
import {
  allow,
  assume,
  createKey,
  enableService,
  policy,
  RAM,
  refusal,
  STS,
  StsWorld,
  toCredentials,
  trusts,
} from "./support/sts-world.ts";

const TRAIL = { version: "2020-07-06" };

interface Outcome {
  readonly Outcome: string;
  readonly Type: string;
  readonly AccountId: string;
  readonly Name: string;
  readonly Operation: string;
  readonly Calls: number;
  readonly LastEventId: string;
}

/** All pages of a trial. */
async function tryPolicy(
  client: CinnabarClient,
  parameters: Readonly<Record<string, string>>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let page: Readonly<Record<string, string>> = {};
  do {
    const answer = await client.call("TryPolicy", { ...parameters, ...page }, RAM);
    outcomes.push(...(answer["Outcomes"] as { Outcome: readonly Outcome[] }).Outcome);
    const { NextToken: next } = answer as { NextToken?: string };
    page = next === undefined ? {} : { NextToken: next };
  } while (page["NextToken"] !== undefined);
  return outcomes;
}

/** A sequence of numbers that depends on the seed alone. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Numbers that begin close together go on alike for a while. */
const SPREAD = 715_827_883;

type Random = ReturnType<typeof random>;

function pick<Item>(next: Random, items: readonly [Item, ...Item[]]): Item {
  return items[next(items.length)] ?? items[0];
}

const CONDITIONS = [
  undefined,
  undefined,
  undefined,
  { StringEquals: { "kms:tag/team": "red" } },
  { StringNotEquals: { "acs:ResourceTag/team": "red" } },
  { StringEquals: { "kms:tag/Team": "red" } },
  { Bool: { "acs:SecureTransport": "false" } },
  { IpAddress: { "acs:SourceIp": "127.0.0.0/8" } },
  { NotIpAddress: { "acs:SourceIp": "127.0.0.0/8" } },
  { StringLike: { "acs:PrincipalARN": "*role*" } },
  { DateGreaterThan: { "acs:CurrentTime": "2020-01-01T00:00:00Z" } },
  { Bool: { "acs:MFAPresent": "true" } },
  { StringLike: { "acs:SourceArn": "acs:oss:*" } },
  { StringNotLike: { "acs:SourceAccount": "*" } },
] as const;

const KEY_ACTIONS = [
  "kms:Encrypt",
  "kms:Decrypt",
  "kms:GenerateDataKey",
  "kms:DescribeKey",
  "kms:ReEncrypt*",
  "kms:ListAliasesByKeyId",
  "kms:Asymmetric*",
  "kms:GenerateMac",
  "kms:*PublicKey",
] as const;

function withCondition(next: Random, statement: object): object {
  const Condition = pick(next, CONDITIONS);
  return { ...statement, ...(Condition !== undefined && { Condition }) };
}

/** A key policy that says something about some of the principals; nobody is shut out of looking at it and changing it. */
function randomKeyPolicy(next: Random, principals: readonly [string, ...string[]]): string {
  const statements = Array.from({ length: 3 + next(6) }, () =>
    withCondition(next, {
      Effect: next(3) === 0 ? "Deny" : "Allow",
      Principal: { RAM: [...new Set([pick(next, principals), pick(next, principals)])] },
      Action: [...new Set([pick(next, KEY_ACTIONS), pick(next, KEY_ACTIONS), pick(next, KEY_ACTIONS)])],
      Resource: "*",
    }),
  );
  return policy(statements);
}

/** Codes of calls that were refused for want of a right. */
const NO_RIGHT = new Set(["Forbidden.NoPermission", "Forbidden.KeyNotFound", "NoPermission"]);

/** Whether each of some calls was refused, by who called what. */
type Refusals = ReadonlyMap<string, boolean>;

interface Call {
  /** As outcomes name it. */
  readonly operation: string;
  readonly send: (caller: CinnabarClient) => Promise<unknown>;
}

async function send(calls: readonly Call[], name: string, caller: CinnabarClient): Promise<Refusals> {
  const refusals = new Map<string, boolean>();
  for (const [index, { operation, send }] of calls.entries()) {
    refusals.set(`${name} ${operation} ${index}`, NO_RIGHT.has(await refusal(send(caller))));
  }
  return refusals;
}

/** Somebody's calls as outcomes name it, and whether each was refused. */
async function sendAsApplication(
  calls: ReturnType<typeof callsOnKey>,
  name: string,
  application: Application,
): Promise<[id: string, isRefused: boolean][]> {
  const refusals: [string, boolean][] = [];
  for (const [index, [api, fields]] of calls.entries()) {
    const { code = "" } = await application.call(api, fields);
    refusals.push([`${name} Kms.${api} ${index}`, NO_RIGHT.has(code)]);
  }
  return refusals;
}

/** How often what was to be expected, by `name operation`, each with what the calls come to in order. */
function expected(before: Refusals, after: Refusals): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const [id, was] of before) {
    const is = after.get(id);
    const outcome = was === is ? "Unchanged" : is === true ? "NewlyRefused" : "NewlyAllowed";
    add(all, id.slice(0, id.lastIndexOf(" ")), outcome);
  }
  return all;
}

function found(outcomes: readonly Outcome[]): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { Name, Operation, Outcome, Calls } of outcomes) {
    for (let i = 0; i < Calls; i++) add(all, `${Name} ${Operation}`, Outcome);
  }
  return all;
}

function add(all: Map<string, string[]>, id: string, outcome: string): void {
  all.set(id, [...(all.get(id) ?? []), outcome].toSorted());
}

/** Compares all that a trial has found with what the same calls came to, but for what it may not be able to say. */
function assertTrue(
  trial: ReadonlyMap<string, readonly string[]>,
  truth: ReadonlyMap<string, readonly string[]>,
  mayBe: (id: string) => string | undefined,
): void {
  assert.deepEqual([...trial.keys()].toSorted(), [...truth.keys()].toSorted());
  for (const [id, outcomes] of truth) {
    const tried = trial.get(id) ?? [];
    const left = [...outcomes];
    const undecided = mayBe(id);
    for (const outcome of tried.filter((each) => each !== undecided)) {
      const at = left.indexOf(outcome);
      assert.notEqual(at, -1, `${id}: ${tried.join()} is not ${outcomes.join()}`);
      left.splice(at, 1);
    }
    assert.equal(tried.length, outcomes.length, `${id}: ${tried.join()} is not ${outcomes.join()}`);
  }
}

forEachDatabase((database) => {
  test("a trial of random key policies says what the same traffic comes to under them", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const root = world.client(one.credentials);
    const { accountId } = one;
    const alice = world.client(await world.createUser(one, "alice", [allow("kms:Encrypt", "sts:AssumeRole")]));
    const bob = world.client(await world.createUser(one, "bob", [allow("kms:Decrypt", "kms:DescribeKey")]));
    const workerArn = await world.createRole(one, "worker", {
      trust: [trusts({ RAM: `acs:ram::${accountId}:root` })],
      statements: [allow("kms:GenerateDataKey", "kms:ReEncryptFrom")],
    });
    const narrowArn = await world.createRole(one, "narrow", {
      trust: [trusts({ RAM: `acs:ram::${accountId}:root` })],
      statements: [allow("kms:DescribeKey")],
    });
    const guest = await world.createSession(other, "guest", [allow("kms:*")]);
    const source = { SourceAccount: accountId, SourceArn: `acs:oss:cn-hangzhou:${accountId}:bucket` };
    const servedArn = await world.createRole(one, "served", {
      trust: [trusts({ Service: ["oss.aliyuncs.com"] }, { StringEquals: { "acs:SourceArn": source.SourceArn } })],
      statements: [allow("kms:Encrypt", "kms:DescribeKey")],
    });
    const oss = await enableService(world, "oss");
    const narrowing = { Policy: policy([allow("kms:Encrypt", "kms:DescribeKey")]) };
    const callers = {
      root,
      alice,
      bob,
      worker: world.client(toCredentials(await assume(alice, workerArn))),
      narrow: world.client(toCredentials(await assume(alice, narrowArn, narrowing))),
      served: world.client(toCredentials(await assume(oss, servedArn, source))),
      guest: guest.client,
    };
    const admitted = { name: "app", resources: ["key/*"] };
    const app = await Application.admit(world, root, admitted);
    const fenced = await Application.admit(world, root, { ...admitted, name: "fenced", sources: ["10.0.0.0/8"] });
    const principals = [
      `acs:ram::${accountId}:user/alice`,
      `acs:ram::${accountId}:user/bob`,
      workerArn,
      narrowArn,
      servedArn,
      guest.arn,
      // It means applications, too.
      `acs:ram::${accountId}:root`,
      `acs:ram::${accountId}:root`,
    ] as const;
    const openPolicy = policy([{ Effect: "Allow", Principal: { RAM: principals }, Action: "kms:*", Resource: "*" }]);
    const makeKey = async (parameters: Readonly<Record<string, string>>) => {
      const { KeyId, Arn } = await createKey(root, parameters);
      const { CiphertextBlob: blob } = await root.call("Encrypt", { KeyId, Plaintext: "text" });
      return { KeyId, Arn, CiphertextBlob: blob as string };
    };
    const elsewhere = await makeKey({ Policy: openPolicy });
    const seen = { NewlyRefused: 0, NewlyAllowed: 0, Unchanged: 0, undecided: 0 };
    const seenOfApplication = { NewlyRefused: 0, NewlyAllowed: 0, Unchanged: 0 };

    for (let seed = 7; seed <= 12; seed++) {
      const next = random(seed);
      const { KeyId, Arn, CiphertextBlob } = await makeKey({ Tags: '[{"TagKey":"team","TagValue":"red"}]' });
      const named = (name: string) => ({ KeyId: name === "guest" ? Arn : KeyId });
      const callsOf = (name: string): readonly Call[] => [
        { operation: "Kms.Encrypt", send: (caller) => caller.call("Encrypt", { ...named(name), Plaintext: "text" }) },
        { operation: "Kms.Decrypt", send: (caller) => caller.call("Decrypt", { CiphertextBlob }) },
        { operation: "Kms.GenerateDataKey", send: (caller) => caller.call("GenerateDataKey", named(name)) },
        { operation: "Kms.DescribeKey", send: (caller) => caller.call("DescribeKey", named(name)) },
        ...(name === "guest" ? [] : callsOfOwn),
      ];
      const callsOfOwn: readonly Call[] = [
        { operation: "Kms.ListAliasesByKeyId", send: (caller) => caller.call("ListAliasesByKeyId", { KeyId }) },
        {
          operation: "Kms.ReEncrypt",
          send: (caller) => caller.call("ReEncrypt", { CiphertextBlob, DestinationKeyId: elsewhere.KeyId }),
        },
        {
          operation: "Kms.ReEncrypt",
          send: (caller) =>
            caller.call("ReEncrypt", { CiphertextBlob: elsewhere.CiphertextBlob, DestinationKeyId: KeyId }),
        },
      ];
      const { fields } = await app.call("AdvanceEncrypt", { KeyId, Plaintext: Buffer.from("text") });
      const sealed = fields.get("CiphertextBlob");
      assert.ok(sealed instanceof Uint8Array);
      const calls = callsOnKey(KeyId, sealed);
      const sendAll = async (): Promise<Refusals> => {
        const all: [string, boolean][] = [];
        for (const [name, caller] of Object.entries(callers)) all.push(...(await send(callsOf(name), name, caller)));
        all.push(...(await sendAsApplication(calls, "app", app)));
        all.push(...(await sendAsApplication(calls.slice(0, 1), "fenced", fenced)));
        return new Map(all);
      };

      await root.call("SetKeyPolicy", { KeyId, Policy: randomKeyPolicy(next, principals) });
      const before = await sendAll();
      // The calls were made when the key had other tags than it has now.
      await root.call("TagResource", { KeyId, Tags: '[{"TagKey":"team","TagValue":"blue"}]' });
      const tried = randomKeyPolicy(next, principals);
      const trial = found(await tryPolicy(root, { KeyId, PolicyDocument: tried }));
      await root.call("SetKeyPolicy", { KeyId, Policy: tried });
      await root.call("TagResource", { KeyId, Tags: '[{"TagKey":"team","TagValue":"red"}]' });
      const after = await sendAll();

      // Of what another account was refused the key's account knows nothing.
      const known = new Map([...before].filter(([id, isRefused]) => !(id.startsWith("guest ") && isRefused)));
      const truth = expected(known, after);
      // What each did first, before there was a policy, is a call like its second one.
      for (const id of ["root Kms.Encrypt", "app Kms.AdvanceEncrypt"]) {
        for (const outcome of truth.get(id) ?? []) add(truth, id, outcome);
      }
      for (const name of ["SetKeyPolicy", "TagResource"]) add(truth, `root Kms.${name}`, "Unchanged");
      // Of its own earlier pages.
      assert.ok((trial.get("root Ram.TryPolicy") ?? []).every((outcome) => outcome === "Unchanged"));
      trial.delete("root Ram.TryPolicy");
      for (const [id, outcomes] of truth) {
        if (!id.startsWith("app ")) continue;
        for (const outcome of outcomes) if (isSeen(outcome)) seenOfApplication[outcome]++;
      }
      assertTrue(trial, truth, (id) => {
        if (id.startsWith("guest ")) return "CircumstancesUnknown";
        return id.startsWith("narrow ") ? "SessionPolicyUnknown" : undefined;
      });
      for (const outcomes of truth.values()) {
        for (const outcome of outcomes) if (isSeen(outcome)) seen[outcome]++;
      }
      seen.undecided += [...trial.values()].flat().filter((outcome) => outcome.endsWith("Unknown")).length;
    }
    assert.ok(Math.min(...Object.values(seen)) > 3, JSON.stringify(seen));
    assert.ok(Math.min(...Object.values(seenOfApplication)) > 3, JSON.stringify(seenOfApplication));
  });

  test("a trial shows an account no more of another one's calls than its trail does", async () => {
    await using world = await StsWorld.start(database);
    const { one: customer, other: vendor } = world;
    const root = world.client(customer.credentials);
    const guest = await world.createSession(vendor, "guest", [allow("kms:*")]);
    const openTo = (condition: object) =>
      policy([{ Effect: "Allow", Principal: { RAM: guest.arn }, Action: "kms:*", Resource: "*", ...condition }]);
    const { KeyId, Arn } = await createKey(root, { Policy: openTo({}) });
    await guest.client.call("Encrypt", { KeyId: Arn, Plaintext: "text" });
    const outcomeOf = async (condition: object) => {
      const outcomes = await tryPolicy(root, { KeyId, PolicyDocument: openTo({ Condition: condition }) });
      const [outcome, ...more] = outcomes.filter(({ Type }) => Type === "assumed-role");
      assert.ok(outcome !== undefined && more.length === 0);
      assert.deepEqual([outcome.AccountId, outcome.Name, outcome.Calls], [vendor.accountId, "guest", 1]);
      return outcome.Outcome;
    };
    for (const range of ["127.0.0.0/8", "10.0.0.0/8", "0.0.0.0/0"]) {
      assert.equal(await outcomeOf({ IpAddress: { "acs:SourceIp": range } }), "CircumstancesUnknown");
    }
    for (const value of ["true", "false"]) {
      assert.equal(await outcomeOf({ Bool: { "acs:SecureTransport": value } }), "CircumstancesUnknown");
      assert.equal(await outcomeOf({ Bool: { "acs:MFAPresent": value } }), "CircumstancesUnknown");
    }
    // What it does see decides.
    assert.equal(await outcomeOf({ StringLike: { "acs:PrincipalARN": "*:role/guest" } }), "Unchanged");
    assert.equal(await outcomeOf({ StringLike: { "acs:PrincipalARN": "*:role/guest/*" } }), "NewlyRefused");
    const never = { DateLessThan: { "acs:CurrentTime": "2020-01-01T00:00:00Z" } };
    assert.equal(await outcomeOf({ ...never, IpAddress: { "acs:SourceIp": "127.0.0.1" } }), "NewlyRefused");

    // The vendor cannot try the customer's policy, nor hear whether there is such a key.
    const vendorRoot = world.client(vendor.credentials);
    for (const key of [KeyId, Arn, Arn.replace(KeyId, "c4d1f6a0-94f1-4f3d-a9e5-000000000000")]) {
      const trial = vendorRoot.call("TryPolicy", { KeyId: key, PolicyDocument: openTo({}) }, RAM);
      assert.equal(await refusal(trial), "Forbidden.KeyNotFound");
    }
    // Its own role it can: what the key's policy says of it is not looked at.
    const denied = { RoleName: "guest", PolicyDocument: policy([{ Effect: "Deny", Action: "kms:*", Resource: "*" }]) };
    const refused = await tryPolicy(vendorRoot, denied);
    assert.deepEqual(
      refused.map(({ Outcome, Operation }) => [Outcome, Operation]),
      [["NewlyRefused", "Kms.Encrypt"]],
    );
  });

  test("a trial says what it cannot say, and takes the rights that it needs", async () => {
    await using world = await StsWorld.start(database);
    const { one } = world;
    const root = world.client(one.credentials);
    const { KeyId, Arn } = await createKey(root);
    const leaver = world.client(await world.createUser(one, "leaver", [allow("kms:Encrypt")]));
    const stayer = world.client(await world.createUser(one, "stayer", [allow("kms:Decrypt")]));
    await leaver.call("Encrypt", { KeyId, Plaintext: "text" });
    const access = { name: "app", resources: [`key/${KeyId}`] };
    const app = await Application.admit(world, root, access);
    assert.equal((await app.call("Sign", { KeyId, Message: Buffer.from("m") })).code, "Rejected.UnsupportedOperation");
    const second = Math.floor(Date.now() / 1000);
    const elsewhere = Arn.replace(one.accountId, world.other.accountId);
    assert.equal(
      await refusal(stayer.call("Encrypt", { KeyId: elsewhere, Plaintext: "text" })),
      "Forbidden.KeyNotFound",
    );
    const { AccessKeys } = await root.call("ListAccessKeys", { UserName: "leaver" }, RAM);
    const [{ AccessKeyId } = { AccessKeyId: "" }] = (AccessKeys as { AccessKey: { AccessKeyId: string }[] }).AccessKey;
    await root.call("DeleteAccessKey", { UserName: "leaver", UserAccessKeyId: AccessKeyId }, RAM);
    const reference = { UserName: "leaver", PolicyName: "for-leaver", PolicyType: "Custom" };
    await root.call("DetachPolicyFromUser", reference, RAM);
    await root.call("DeleteUser", { UserName: "leaver" }, RAM);

    const denies = (principal: string) =>
      policy([{ Effect: "Deny", Principal: { RAM: principal }, Action: "kms:Encrypt", Resource: "*" }]);
    const ofLeaver = async (principal: string) =>
      (await tryPolicy(root, { KeyId, PolicyDocument: denies(principal) }))
        .filter(({ Name }) => Name === "leaver")
        .map(({ Outcome }) => Outcome);
    assert.deepEqual(await ofLeaver(`acs:ram::${one.accountId}:user/leaver`), ["CallerGone"]);
    assert.deepEqual(await ofLeaver(`acs:ram::${one.accountId}:user/stayer`), ["Unchanged"]);

    // What gives an application its rights may be gone, or another of the same name.
    const denied = { Effect: "Deny", Action: "kms:AsymmetricSign", Resource: "*" };
    const PolicyDocument = policy([{ ...denied, Principal: { RAM: `acs:ram::${one.accountId}:root` } }]);
    const ofApplication = async () =>
      (await tryPolicy(root, { KeyId, PolicyDocument }))
        .filter(({ Type }) => Type === "application")
        .map(({ Outcome, Name, Operation }) => [Outcome, Name, Operation]);
    assert.deepEqual(await ofApplication(), [["NewlyRefused", "app", "Kms.Sign"]]);
    await root.call("DeleteApplicationAccessPoint", { Name: "app" });
    assert.deepEqual(await ofApplication(), [["CallerGone", "app", "Kms.Sign"]]);
    while (Math.floor(Date.now() / 1000) === second) await sleep(50);
    await root.call("CreateApplicationAccessPoint", { Name: "app", Policies: '["app"]' });
    assert.deepEqual(await ofApplication(), [["CallerGone", "app", "Kms.Sign"]]);

    // A service is no more told from where it calls than another account, but what policies say of it is known.
    const oss = await enableService(world, "oss");
    const served = `acs:kms:cn-hangzhou:${one.accountId}:alias/acs/oss`;
    await oss.call("Encrypt", { KeyId: served, Plaintext: "text" });
    const ofService = (await tryPolicy(root, { KeyId: "alias/acs/oss", PolicyDocument }))
      .filter(({ Type, Operation }) => Type === "system" && Operation !== "Kms.CreateServiceKey")
      .map(({ Outcome, Name, Operation }) => [Outcome, Name, Operation]);
    assert.deepEqual(ofService, [["NewlyRefused", "oss.aliyuncs.com", "Kms.Encrypt"]]);
    const ofStayer = await tryPolicy(root, { UserName: "stayer", PolicyDocument: policy([allow("kms:Encrypt")]) });
    assert.deepEqual(
      ofStayer.map(({ Outcome }) => Outcome),
      ["ResourceUnknown"],
    );
    // What the account lets all its users do with their passwords is no policy of theirs, and a Deny of theirs takes it.
    const passwords = { OldPassword: "Correct-horse-7", NewPassword: "Correct-horse-8" };
    assert.equal(await refusal(stayer.call("ChangePassword", passwords, RAM)), "EntityNotExist.User.LoginProfile");
    const noPasswords = policy([{ Effect: "Deny", Action: "ram:ChangePassword", Resource: "*" }]);
    const ofPasswords = await tryPolicy(root, { UserName: "stayer", PolicyDocument: noPasswords });
    assert.deepEqual(
      ofPasswords
        .filter(({ Outcome }) => Outcome !== "Unchanged")
        .map(({ Outcome, Operation }) => [Outcome, Operation]),
      [["NewlyRefused", "Ram.ChangePassword"]],
    );

    const trial = { KeyId, PolicyDocument: denies(`acs:ram::${one.accountId}:root`) };
    const needed = ["ram:TryPolicy", "actiontrail:LookupEvents", "kms:GetKeyPolicy"];
    const reviewer = world.client(await world.createUser(one, "reviewer", [allow(...needed)]));
    // Trials ask for a right on the key themselves.
    const others = async (caller: CinnabarClient) =>
      (await tryPolicy(caller, trial)).filter(({ Operation }) => Operation !== "Ram.TryPolicy");
    assert.deepEqual(await others(reviewer), await others(root));
    for (const missing of needed) {
      const name = `without-${missing.split(":")[0]}`;
      const caller = world.client(
        await world.createUser(one, name, [allow(...needed.filter((each) => each !== missing))]),
      );
      assert.equal(await refusal(caller.call("TryPolicy", trial, RAM)), "NoPermission", missing);
    }
    const wrong = {
      MalformedPolicyDocument: { KeyId, PolicyDocument: policy([allow("kms:Encrypt")]) },
      InvalidParameter: { ...trial, UserName: "stayer" },
      "EntityNotExist.User": { UserName: "leaver", PolicyDocument: policy([allow("kms:Encrypt")]) },
      "Forbidden.KeyNotFound": { ...trial, KeyId: elsewhere },
    };
    for (const [code, parameters] of Object.entries(wrong)) {
      assert.equal(await refusal(root.call("TryPolicy", parameters, RAM)), code);
    }
    const token = Buffer.from(JSON.stringify([1, 0, 1, 0, null, "AAAAAAAAAAAAAAAA"])).toString("base64url");
    for (const NextToken of [token, "nonsense"]) {
      assert.equal(await refusal(root.call("TryPolicy", { ...trial, NextToken }, RAM)), "InvalidParameter");
    }
  });

  test("a trial of random RAM policies says what the same traffic comes to with them", async () => {
    await using world = await StsWorld.start(database);
    const { one } = world;
    const root = world.client(one.credentials);
    const { KeyId, Arn } = await createKey(root, { Tags: '[{"TagKey":"team","TagValue":"red"}]' });
    const roleArn = await world.createRole(one, "worker", {
      trust: [trusts({ RAM: `acs:ram::${one.accountId}:root` }, { StringEquals: { "sts:ExternalId": "secret" } })],
      statements: [allow("kms:Encrypt")],
    });
    const calls: readonly Call[] = [
      { operation: "Kms.Encrypt", send: (caller) => caller.call("Encrypt", { KeyId, Plaintext: "text" }) },
      { operation: "Kms.DescribeKey", send: (caller) => caller.call("DescribeKey", { KeyId }) },
      { operation: "Kms.ListKeys", send: (caller) => caller.call("ListKeys") },
      { operation: "Kms.CreateAlias", send: (caller) => caller.call("CreateAlias", { KeyId, AliasName: "alias/a" }) },
      { operation: "Ram.GetUser", send: (caller) => caller.call("GetUser", { UserName: "user1" }, RAM) },
      { operation: "Actiontrail.LookupEvents", send: (caller) => caller.call("LookupEvents", {}, TRAIL) },
      {
        operation: "Sts.AssumeRole",
        send: (caller) => assume(caller, roleArn, { ExternalId: "secret" }),
      },
      { operation: "Sts.AssumeRole", send: (caller) => assume(caller, roleArn) },
      { operation: "Sts.GetCallerIdentity", send: (caller) => caller.call("GetCallerIdentity", {}, STS) },
    ];
    const actions = [
      "kms:Encrypt",
      "kms:*",
      "kms:ListKeys",
      "kms:CreateAlias",
      "ram:Get*",
      "actiontrail:LookupEvents",
      "sts:AssumeRole",
    ] as const;
    const resources = ["*", Arn, "acs:kms:*:*:*", "acs:kms:*:*:alias/*", roleArn, "acs:ram:*:*:user/*"] as const;
    const randomStatements = (next: Random) =>
      Array.from({ length: 1 + next(4) }, () =>
        withCondition(next, {
          Effect: next(3) === 0 ? "Deny" : "Allow",
          Action: [pick(next, actions), pick(next, actions)],
          Resource: [pick(next, resources), pick(next, resources)],
        }),
      );
    const seen = { NewlyRefused: 0, NewlyAllowed: 0, Unchanged: 0 };
    const seenOfRoles = { ...seen };
    const assumer = world.client(await world.createUser(one, "assumer", [allow("sts:AssumeRole")]));
    const trust = [trusts({ RAM: `acs:ram::${one.accountId}:user/assumer` })];
    for (let seed = 1; seed <= 10; seed++) {
      const next = random(seed * SPREAD);
      const isRole = seed % 5 > 2;
      const name = isRole ? `role${seed}` : `user${seed}`;
      const statements = randomStatements(next);
      const user = isRole
        ? world.client(toCredentials(await assume(assumer, await world.createRole(one, name, { trust, statements }))))
        : world.client(await world.createUser(one, name, statements));
      const before = await send(calls, name, user);
      const document = policy(randomStatements(next));
      // Beside the policy that it has, or in its place.
      const isReplaced = seed % 5 === 2 || seed % 5 === 3;
      const at = isReplaced
        ? { PolicyName: `for-${name}` }
        : isRole
          ? { RoleName: name }
          : seed % 5 === 0
            ? { GroupName: `of-${name}` }
            : { UserName: name };
      if ("GroupName" in at) {
        await root.call("CreateGroup", at, RAM);
        await root.call("AddUserToGroup", { ...at, UserName: name }, RAM);
      }
      const trial = found(await tryPolicy(root, { ...at, PolicyDocument: document }));
      if (isReplaced) {
        const version = { PolicyName: `for-${name}`, PolicyDocument: document, SetAsDefault: "true" };
        await root.call("CreatePolicyVersion", version, RAM);
      } else {
        const reference = { PolicyName: `tried-${seed}`, PolicyType: "Custom" };
        await root.call("CreatePolicy", { PolicyName: `tried-${seed}`, PolicyDocument: document }, RAM);
        if (isRole) await root.call("AttachPolicyToRole", { RoleName: name, ...reference }, RAM);
        else await root.call("AttachPolicyToUser", { UserName: name, ...reference }, RAM);
      }
      const truth = expected(before, await send(calls, name, user));
      // It asks for no right.
      assert.equal(trial.get(`${name} Sts.GetCallerIdentity`), undefined);
      truth.delete(`${name} Sts.GetCallerIdentity`);
      assertTrue(trial, truth, () => undefined);
      for (const outcome of [...truth.values()].flat()) {
        if (isSeen(outcome)) (isRole ? seenOfRoles : seen)[outcome]++;
      }
    }
    assert.ok(Math.min(...Object.values(seen)) > 3, JSON.stringify(seen));
    assert.ok(Math.min(...Object.values(seenOfRoles)) > 1, JSON.stringify(seenOfRoles));
  });
});

function isSeen(outcome: string): outcome is "NewlyRefused" | "NewlyAllowed" | "Unchanged" {
  return outcome === "NewlyRefused" || outcome === "NewlyAllowed" || outcome === "Unchanged";
}
