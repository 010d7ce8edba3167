import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type Principal, type RoleId, TamperedRowError } from "@cinnabar/kernel";
import { compilePolicy, parsePolicy, PolicySet } from "@cinnabar/policy";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { PolicyWorld } from "./support/policy-world.ts";

const document = (statements: readonly object[]): string => JSON.stringify({ Version: "1", Statement: statements });
const allow = (Action: string | readonly string[], Condition?: object): object => ({
  Effect: "Allow",
  Action,
  Resource: "*",
  ...(Condition !== undefined && { Condition }),
});
const deny = (Action: string): object => ({ Effect: "Deny", Action, Resource: "*" });
const custom = (name: string) => ({ PolicyType: "Custom", PolicyName: name });
const toSecond = (millis: number = 0): string => new Date(millis).toISOString().slice(0, "yyyy-MM-ddTHH:mm:ss".length);
const KEY = "acs:kms:cn-hangzhou:1234567890123456:key/k";

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const createPolicy = (PolicyName: string, ...statements: readonly object[]) =>
    world.ok("CreatePolicy", { PolicyName, PolicyDocument: document(statements) });
  const attachToUser = (UserName: string, name: string) =>
    world.ok("AttachPolicyToUser", { UserName, ...custom(name) });

  test("allows the root everything of its account, and nothing of another one's", async () => {
    const request = { action: "kms:Encrypt", resource: KEY, hiddenAs: "Forbidden.KeyNotFound" } as const;
    const decide = async (accountId: string) => world.authorizer.decide(world.context(), { ...request, accountId });
    assert.deepEqual(await decide(world.accountId), { allowed: true, by: "root" });
    assert.equal((await decide("1000000000000001")).allowed, false);
  });

  test("lets a user do what is attached to it or to its groups, until it is not any more", async () => {
    const alice = await world.addUser("alice");
    const may = () => world.may(alice, "kms:Encrypt", KEY);
    assert.equal(await may(), false);

    await createPolicy("encrypt", allow("kms:Encrypt"));
    await attachToUser("alice", "encrypt");
    assert.equal(await may(), true);
    await world.ok("DetachPolicyFromUser", { UserName: "alice", ...custom("encrypt") });
    assert.equal(await may(), false);

    const group = await world.addGroup("encrypters");
    await world.ok("AttachPolicyToGroup", { GroupName: "encrypters", ...custom("encrypt") });
    assert.equal(await may(), false);
    await world.join(alice, group);
    assert.equal(await may(), true);
    await world.ok("DetachPolicyFromGroup", { GroupName: "encrypters", ...custom("encrypt") });
    assert.equal(await may(), false);
    await world.ok("AttachPolicyToGroup", { GroupName: "encrypters", ...custom("encrypt") });
    assert.equal(await may(), true);
    await world.leave(alice);
    assert.equal(await may(), false);
  });

  test("follows a policy's default version, and a Deny anywhere wins", async () => {
    const bob = await world.addUser("bob");
    const group = await world.addGroup("denied");
    await world.join(bob, group);
    await createPolicy("changing", allow("kms:Decrypt"));
    await attachToUser("bob", "changing");
    const rights = async () => [await world.may(bob, "kms:Encrypt", KEY), await world.may(bob, "kms:Decrypt", KEY)];
    assert.deepEqual(await rights(), [false, true]);
    const next = { PolicyName: "changing", PolicyDocument: document([allow("kms:Encrypt")]) };
    await world.ok("CreatePolicyVersion", next);
    assert.deepEqual(await rights(), [false, true]);
    await world.ok("SetDefaultPolicyVersion", { PolicyName: "changing", VersionId: "v2" });
    assert.deepEqual(await rights(), [true, false]);
    await world.ok("CreatePolicyVersion", {
      PolicyName: "changing",
      PolicyDocument: document([allow("kms:*")]),
      SetAsDefault: "true",
    });
    assert.deepEqual(await rights(), [true, true]);
    await createPolicy("no-decrypt", deny("kms:Decrypt"));
    await world.ok("AttachPolicyToGroup", { GroupName: "denied", ...custom("no-decrypt") });
    assert.deepEqual(await rights(), [true, false]);
  });

  test("knows system policies: a user of keys may encrypt and may not make keys", async () => {
    const carol = await world.addUser("carol");
    const system = { PolicyType: "System", PolicyName: "AliyunKMSCryptoUserAccess" };
    await world.ok("AttachPolicyToUser", { UserName: "carol", ...system });
    assert.equal(await world.may(carol, "kms:Encrypt", KEY), true);
    assert.equal(await world.may(carol, "kms:CreateKey", KEY), false);
    assert.equal(await world.may(carol, "kms:DisableKey", KEY), false);
  });

  test("gives a session of a role the role's policies, narrowed by its own, and nobody else's", async () => {
    const trust = document([
      { Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: ["acs:ram::1234567890123456:root"] } },
    ]);
    const made = await world.ok<{ Role: { RoleId: RoleId } }>("CreateRole", {
      RoleName: "worker",
      AssumeRolePolicyDocument: trust,
    });
    const session = world.session(made.Role.RoleId, "worker");
    assert.equal(await world.may(session, "kms:Encrypt", KEY), false);
    await createPolicy("work", allow("kms:*"));
    await world.ok("AttachPolicyToRole", { RoleName: "worker", ...custom("work") });
    assert.equal(await world.may(session, "kms:Encrypt", KEY), true);
    const text = document([allow("kms:Decrypt")]);
    const sessionPolicy = new PolicySet([
      compilePolicy(parsePolicy(text, "session"), { type: "Session", name: "session" }),
    ]);
    const narrowed = { ...session, sessionPolicy };
    assert.equal(await world.may(narrowed, "kms:Encrypt", KEY), false);
    assert.equal(await world.may(narrowed, "kms:Decrypt", KEY), true);
    assert.equal(await world.may(narrowed, "ram:GetRole"), false);
    await world.ok("DetachPolicyFromRole", { RoleName: "worker", ...custom("work") });
    assert.equal(await world.may(narrowed, "kms:Decrypt", KEY), false);
  });

  test("tells policies where a call came from and when, and what is known of the resource", async () => {
    const dave = await world.addUser("dave");
    const conditions: readonly (readonly [action: string, condition: object])[] = [
      ["t:ip", { IpAddress: { "acs:SourceIp": ["10.0.0.0/8", "2001:db8::/32"] } }],
      ["t:tls", { Bool: { "acs:SecureTransport": "true" } }],
      ["t:mfa", { Bool: { "acs:MFAPresent": "true" } }],
      ["t:now", { DateLessThan: { "acs:CurrentTime": "2026-01-02T03:04:06Z" } }],
      ["t:tag", { StringEquals: { "kms:tag/Team": "red" } }],
      ["t:service", { StringEquals: { "ram:ServiceName": "keystore.kms.aliyuncs.com" } }],
      ["t:account", { StringEquals: { "acs:SourceAccount": "1234567890123456" } }],
      ["t:arn", { StringLike: { "acs:SourceArn": "acs:oss:*:bucket" } }],
    ];
    await createPolicy(
      "conditions",
      ...conditions.map(([action, condition]) => allow(`kms:${action.slice(2)}`, condition)),
    );
    await attachToUser("dave", "conditions");
    const allowed = async (facts: {
      readonly isSecure: boolean;
      readonly sourceAddress: string;
      readonly tags?: ReadonlyMap<string, string>;
      readonly conditions?: ReadonlyMap<string, string>;
    }) => {
      const { isSecure, sourceAddress, ...request } = facts;
      const actions: string[] = [];
      for (const [action] of conditions) {
        const context = Object.assign(world.context(dave), { isSecure, sourceAddress });
        const { allowed, window } = await world.authorizer.decide(context, {
          action: `kms:${action.slice(2)}`,
          resource: KEY,
          accountId: world.accountId,
          hiddenAs: "Forbidden.KeyNotFound",
          ...request,
        });
        if (allowed) actions.push(action.slice(2));
        // The decision says until when it stands, and since when.
        if (action === "t:now") assert.equal(toSecond(window?.until ?? window?.from), "2026-01-02T03:04:06");
      }
      return actions;
    };
    assert.deepEqual(await allowed({ isSecure: false, sourceAddress: "127.0.0.1" }), ["now"]);
    assert.deepEqual(
      await allowed({
        isSecure: true,
        sourceAddress: "10.1.2.3",
        tags: new Map([["Team", "red"]]),
        conditions: new Map([
          ["ram:servicename", "keystore.kms.aliyuncs.com"],
          ["acs:sourceaccount", "1234567890123456"],
          ["acs:sourcearn", "acs:oss:cn-hangzhou:1234567890123456:bucket"],
        ]),
      }),
      ["ip", "tls", "now", "tag", "service", "account", "arn"],
    );
    assert.deepEqual(
      await allowed({ isSecure: true, sourceAddress: "2001:db8::1", tags: new Map([["team", "red"]]) }),
      ["ip", "tls", "now"],
    );
    world.now += 1000;
    assert.deepEqual(await allowed({ isSecure: false, sourceAddress: "127.0.0.1" }), []);
    world.now -= 1000;
  });

  test("decides at once, with the same set of policies, as long as nothing of it has changed", async () => {
    const erin = await world.addUser("erin");
    const group = await world.addGroup("erins");
    await world.join(erin, group);
    await createPolicy("direct", allow("kms:Encrypt"));
    await createPolicy("indirect", allow("kms:Decrypt"));
    await attachToUser("erin", "direct");
    await world.ok("AttachPolicyToGroup", { GroupName: "erins", ...custom("indirect") });
    const request = {
      action: "kms:Decrypt",
      resource: KEY,
      accountId: world.accountId,
      hiddenAs: "NoPermission",
    } as const;
    const decide = () => world.authorizer.decide(world.context(erin), request);
    const first = decide();
    assert.ok(first instanceof Promise);
    await first;
    const decision = decide();
    assert.ok(!(decision instanceof Promise));
    assert.equal(decision.allowed, true);
    // Somebody else's change takes nothing from it.
    await world.addUser("frank");
    await world.ok("AttachPolicyToUser", { UserName: "frank", ...custom("direct") });
    assert.ok(!(decide() instanceof Promise));
    await world.ok("SetDefaultPolicyVersion", { PolicyName: "indirect", VersionId: "v1" });
    const afterwards = decide();
    assert.ok(afterwards instanceof Promise);
    assert.equal((await afterwards).allowed, true);
  });

  test("where something cannot be read, decides nothing, and leaves no failure to nobody", async () => {
    const judy = await world.addUser("judy");
    await createPolicy("readable", allow("kms:Encrypt"));
    await attachToUser("judy", "readable");
    const request = {
      action: "kms:Encrypt",
      resource: KEY,
      accountId: world.accountId,
      hiddenAs: "NoPermission",
    } as const;
    const away = new Error("the database is away");
    const isAway = (error: unknown): boolean => error === away;
    for (const kinds of [["ram-user"], ["ram-attachments"], ["ram-policy"], ["ram-attachments", "ram-policy"]]) {
      for (const isWarm of [true, false]) {
        world.cache.clear();
        if (isWarm) assert.equal(await world.may(judy, "kms:Encrypt", KEY), true);
        const context = world.context(judy);
        const find = context.find.bind(context);
        context.find = (kind, id) => (kinds.includes(kind.name) ? Promise.reject(away) : find(kind, id));
        await assert.rejects(async () => world.authorizer.decide(context, request), isAway);
        await assert.rejects(async () => world.authorizer.explain(context, request), isAway);
        // By then a rejection that nobody took up would have failed this test.
        await setImmediate();
      }
    }
    assert.equal(await world.may(judy, "kms:Encrypt", KEY), true);
  });

  test("decides nothing where an attached policy is missing: it might deny", async () => {
    const grace = await world.addUser("grace");
    await createPolicy("stolen", deny("kms:*"));
    await attachToUser("grace", "stolen");
    await world.tamper("DELETE FROM ram_policy WHERE name = 'stolen'");
    await assert.rejects(async () => world.may(grace, "kms:Encrypt", KEY), TamperedRowError);
  });

  test("finds what was changed behind its back: an attachment of another's, another document", async () => {
    const heidi = await world.addUser("heidi");
    const ivan = await world.addUser("ivan");
    await createPolicy("much", allow("kms:*"));
    await attachToUser("heidi", "much");
    const give = (from: string, to: string) =>
      world.tamper(`UPDATE ram_attachment SET principal_id = '${to}' WHERE principal_id = '${from}'`);
    await give(heidi.userId, ivan.userId);
    await assert.rejects(async () => world.may(ivan, "kms:Encrypt", KEY), TamperedRowError);
    await give(ivan.userId, heidi.userId);
    assert.equal(await world.may(heidi, "kms:Encrypt", KEY), true);
    await world.tamper(
      "UPDATE ram_policy_version SET document = replace(document, 'kms', 'ram') WHERE policy_name = 'much'",
    );
    await assert.rejects(async () => world.may(heidi, "ram:CreateUser"), TamperedRowError);
  });

  test("after any changes decides as one who has just begun does", async () => {
    await using own = await PolicyWorld.open(database);
    const users = [await own.addUser("u0"), await own.addUser("u1")];
    const groups = [await own.addGroup("g0"), await own.addGroup("g1")];
    const actions = ["kms:Encrypt", "kms:Decrypt", "kms:CreateKey"];
    const statement = fc.constantFrom(...actions.flatMap((action) => [allow(action), deny(action)]), allow("kms:*"));
    const policy = fc.constantFrom("p0", "p1", "p2");
    const one = fc.constantFrom(0, 1);
    for (const PolicyName of ["p0", "p1", "p2"]) {
      await own.ok("CreatePolicy", { PolicyName, PolicyDocument: document([allow("kms:Encrypt")]) });
    }
    /** Whatever it does, and whether it may be done at all, nobody else's decision is out of date afterwards. */
    const change = fc.oneof(
      fc.tuple(fc.constantFrom("AttachPolicyToUser", "DetachPolicyFromUser"), one, policy).map(
        ([name, i, PolicyName]) =>
          () =>
            own.call(name, { UserName: `u${i}`, ...custom(PolicyName) }),
      ),
      fc.tuple(fc.constantFrom("AttachPolicyToGroup", "DetachPolicyFromGroup"), one, policy).map(
        ([name, i, PolicyName]) =>
          () =>
            own.call(name, { GroupName: `g${i}`, ...custom(PolicyName) }),
      ),
      fc.tuple(policy, fc.array(statement, { minLength: 1, maxLength: 3 })).map(
        ([PolicyName, statements]) =>
          () =>
            own.call("CreatePolicyVersion", {
              PolicyName,
              PolicyDocument: document(statements),
              SetAsDefault: "true",
              RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded",
            }),
      ),
      fc.tuple(one, one).map(([user, group]) => async () => {
        const [who, where] = [users[user], groups[group]];
        assert.ok(who !== undefined && where !== undefined);
        await own.leave(who);
        await own.join(who, where);
      }),
    );
    const rights = async (ask: (user: Principal, action: string) => Promise<boolean>) => {
      const all: boolean[] = [];
      for (const user of users) for (const action of actions) all.push(await ask(user, action));
      return all;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        for (const run of changes) {
          await run();
          const remembered = await rights((user, action) => own.may(user, action, KEY));
          const kept = new Map(own.cache);
          own.cache.clear();
          assert.deepEqual(await rights((user, action) => own.may(user, action, KEY)), remembered);
          own.cache.clear();
          for (const [name, entity] of kept) own.cache.set(name, entity);
        }
      }),
      { numRuns: 15 },
    );
  });
});
