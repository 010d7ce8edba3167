import assert from "node:assert/strict";
import { test } from "node:test";
import type { CinnabarClient } from "@cinnabar/client";
import { forEachDatabase } from "@cinnabar/testkit";
import fc from "fast-check";
import { type Names, randomRights, type RandomRights } from "./support/random-rights.ts";
import { allow, assume, policy, RAM, refusal, STS, StsWorld, toCredentials, trusts } from "./support/sts-world.ts";

const SEED = 20_261_122;
/** Random sets of policies with conditions, and as many without. */
const ROUNDS = 4;

/** Operations on a key, called so that they would do nothing (DryRun). */
const KEY_CALLS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  DescribeKey: {},
  Encrypt: { Plaintext: "text" },
  GenerateDataKey: {},
  GetKeyPolicy: {},
  SetKeyPolicy: {
    Policy: policy([
      { Effect: "Deny", Principal: { RAM: "acs:ram::1234567890123456:root" }, Action: "kms:*", Resource: "*" },
    ]),
  },
  DisableKey: {},
};
/** Takes no ARN, and so no other account's key, whatever rights there are. */
const BY_ID_ALONE = ["DisableKey"];
const ACTIONS = Object.keys(KEY_CALLS).map((name) => `kms:${name}`);
const ASSUME = "sts:AssumeRole";

/** Somebody who calls, and what answers call it. */
interface Caller {
  readonly client: CinnabarClient;
  readonly type: "root" | "user" | "role";
  readonly arn: string;
  readonly isForeign: boolean;
}

interface Listed {
  readonly Type: string;
  readonly Arn: string;
  readonly Name: string;
  readonly NeedsOwnPolicies: boolean;
  readonly Groups: { readonly Group: readonly string[] };
  readonly Actions: { readonly Action: readonly ListedAction[] };
}

interface ListedAction {
  readonly Name: string;
  readonly Certainty: "Always" | "Perhaps";
  readonly Statements: { readonly Statement: readonly object[] };
  readonly Except?: { readonly Principal: readonly { readonly Arn: string; readonly Certainty: string }[] };
}

interface Explained {
  readonly Decision: "Allowed" | "Denied" | "OtherAccount";
  readonly RefusedBy?: string;
  readonly DecidedBy?: { readonly Policy: string; readonly Index: number };
  readonly Gates: { readonly Gate: readonly { readonly Name: string; readonly Verdict: string }[] };
  readonly SmallestChange?: {
    readonly Sentence: string;
    readonly Add: { readonly Statement: readonly { readonly Gate: string; readonly Document: string }[] };
  };
}

/** An account with users, a group and roles whose policies change, and another one whose members may do all they are let. */
class RightsRig {
  readonly world: StsWorld;
  readonly names: Names;
  readonly root: CinnabarClient;
  readonly callers: readonly Caller[];
  /** What policies are attached to. */
  readonly holders: readonly { readonly type: "User" | "Group" | "Role"; readonly name: string }[];
  readonly #attached = new Set<string>();

  private constructor(parts: Pick<RightsRig, "world" | "names" | "root" | "callers" | "holders">) {
    this.world = parts.world;
    this.names = parts.names;
    this.root = parts.root;
    this.callers = parts.callers;
    this.holders = parts.holders;
  }

  static async make(world: StsWorld): Promise<RightsRig> {
    const { one, other } = world;
    const names: Names = {
      accountId: one.accountId,
      otherId: other.accountId,
      users: ["ann", "ben", "cat"],
      roles: ["deployer", "reader"],
      otherUsers: ["vic", "wes"],
      otherRoles: ["vendor"],
    };
    const root = world.client(one.credentials);
    const callers: Caller[] = [];
    for (const account of [one, other]) {
      const isForeign = account === other;
      const arn = (relative: string) => `acs:ram::${account.accountId}:${relative}`;
      const [users, roles] = isForeign ? [names.otherUsers, names.otherRoles] : [names.users, names.roles];
      callers.push({ client: world.client(account.credentials), type: "root", arn: arn("root"), isForeign });
      const assumer = world.client(await world.createUser(account, "assumer", [allow(ASSUME)]));
      for (const name of users) {
        // Each begins with a policy that says nothing of this.
        const statements = isForeign ? [allow("*")] : [allow("oss:GetObject")];
        const client = world.client(await world.createUser(account, name, statements));
        callers.push({ client, type: "user", arn: arn(`user/${name}`), isForeign });
      }
      for (const name of roles) {
        const statements = isForeign ? [allow("*")] : [allow("oss:GetObject")];
        await world.createRole(account, name, { trust: [trusts({ RAM: arn("user/assumer") })], statements });
        const client = world.client(toCredentials(await assume(assumer, arn(`role/${name}`))));
        callers.push({ client, type: "role", arn: arn(`role/${name}`), isForeign });
      }
    }
    await root.call("CreateGroup", { GroupName: "team" }, RAM);
    for (const UserName of ["ben", "cat"]) {
      await root.call("AddUserToGroup", { GroupName: "team", UserName }, RAM);
    }
    const trust = policy([trusts({ RAM: `acs:ram::${one.accountId}:root` })]);
    await root.call("CreateRole", { RoleName: "target", AssumeRolePolicyDocument: trust }, RAM);
    const holders = [
      ...names.users.map((name) => ({ type: "User", name }) as const),
      { type: "Group", name: "team" } as const,
      ...names.roles.map((name) => ({ type: "Role", name }) as const),
    ];
    return new RightsRig({ world, names, root, callers, holders });
  }

  /** Puts random policies in force, and makes a key with a random policy. */
  async put({ policies, attached, keyPolicy, trust }: RandomRights): Promise<{ keyId: string; keyArn: string }> {
    for (const [index, statements] of policies.entries()) {
      const PolicyName = `random-${index}`;
      const version = { PolicyName, PolicyDocument: policy(statements) };
      const isNew = (await refusal(this.root.call("CreatePolicy", version, RAM))) === "no error";
      const RotateStrategy = "DeleteOldestNonDefaultVersionWhenLimitExceeded";
      if (!isNew) {
        await this.root.call("CreatePolicyVersion", { ...version, SetAsDefault: "true", RotateStrategy }, RAM);
      }
      for (const [place, { type, name }] of this.holders.entries()) {
        const isAttached = attached[index]?.[place] === true;
        const id = `${PolicyName}/${type}/${name}`;
        if (this.#attached.has(id) === isAttached) continue;
        const named = { PolicyType: "Custom", PolicyName, [`${type}Name`]: name };
        await this.root.call(isAttached ? `AttachPolicyTo${type}` : `DetachPolicyFrom${type}`, named, RAM);
        if (isAttached) this.#attached.add(id);
        else this.#attached.delete(id);
      }
    }
    await this.root.call("UpdateRole", { RoleName: "target", NewAssumeRolePolicyDocument: policy(trust) }, RAM);
    const { KeyMetadata } = await this.root.call("CreateKey", {
      Policy: policy(keyPolicy),
      Tags: JSON.stringify([{ TagKey: "team", TagValue: "red" }]),
      ConfirmLockout: "true",
    });
    const { KeyId: keyId, Arn: keyArn } = KeyMetadata as { KeyId: string; Arn: string };
    return { keyId, keyArn };
  }

  async list(resource: string, actions: readonly string[]): Promise<readonly Listed[]> {
    const asked = Object.fromEntries(actions.map((action, index) => [`AuthAction.${index + 1}`, action]));
    const { Principals } = await this.root.call("ListPrincipalsForAction", { ...asked, AuthResource: resource }, RAM);
    return (Principals as { readonly Principal: readonly Listed[] }).Principal;
  }

  async explain(caller: Pick<Caller, "type" | "arn">, action: string, resource: string): Promise<Explained> {
    const AuthPrincipal = caller.type === "role" ? `${caller.arn}/test` : caller.arn;
    const question = { AuthPrincipal, AuthAction: action, AuthResource: resource };
    return (await this.root.call("GetAccessExplanation", question, RAM)) as unknown as Explained;
  }
}

/** Whether a call would be carried out. */
async function isAllowed(call: Promise<unknown>): Promise<boolean> {
  const code = await refusal(call);
  assert(
    [
      "DryRunOperationError",
      "Forbidden.NoPermission",
      "Forbidden.KeyNotFound",
      "NoPermission",
      // Of cryptography.
      "AccessDeniedError",
      "ValidationError",
    ].includes(code),
    code,
  );
  return code === "DryRunOperationError";
}

/** What a list says of somebody. */
function certaintyOf(listed: readonly Listed[], { arn, isForeign }: Caller, action: string): string {
  const found = listed.flatMap((entry) => {
    const isAccount = entry.Type === "Account" && isForeign;
    const about = entry.Actions.Action.find(({ Name }) => Name === action);
    if (about === undefined || (entry.Arn !== arn && !isAccount)) return [];
    const excepted = about.Except?.Principal.find(({ Arn }) => Arn === arn);
    if (excepted === undefined) return [about.Certainty];
    return excepted.Certainty === "Always" ? [] : ["Perhaps"];
  });
  return found.includes("Always") ? "Always" : (found[0] ?? "Never");
}

forEachDatabase((database) => {
  for (const isConditional of [false, true]) {
    const kind = isConditional ? "with conditions" : "without conditions";
    test(`explanations and lists say of random policies ${kind} what every caller meets`, async () => {
      await using world = await StsWorld.start(database);
      const rig = await RightsRig.make(world);
      const arbitrary = randomRights(rig.names, { holders: rig.holders.length, isConditional });
      const seen = new Map<string, number>();
      for (const [round, rights] of fc.sample(arbitrary, { seed: SEED, numRuns: ROUNDS }).entries()) {
        const { keyId, keyArn } = await rig.put(rights);
        const said = (caller: Caller, action: string) =>
          `round ${round}: ${caller.arn} ${action}\n${JSON.stringify(rights)}`;
        const listed = await rig.list(keyId, ACTIONS);
        const listedForRole = await rig.list(`acs:ram::${rig.names.accountId}:role/target`, [ASSUME]);
        const note = (outcome: string) => seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        for (const caller of rig.callers) {
          const calls = Object.entries(KEY_CALLS).filter(([name]) => !caller.isForeign || !BY_ID_ALONE.includes(name));
          const questions = calls.map(([name, parameters]) => ({
            action: `kms:${name}`,
            resource: keyArn,
            list: listed,
            call: () =>
              caller.client.call(name, { KeyId: caller.isForeign ? keyArn : keyId, ...parameters, DryRun: "true" }),
          }));
          const RoleArn = `acs:ram::${rig.names.accountId}:role/target`;
          if (caller.type !== "root") {
            questions.push({
              action: ASSUME,
              resource: RoleArn,
              list: listedForRole,
              call: () =>
                caller.client.call(ASSUME.slice(4), { RoleArn, RoleSessionName: "test", DryRun: "true" }, STS),
            });
          }
          for (const { action, resource, list, call } of questions) {
            const [allowed, { Decision }] = await Promise.all([
              isAllowed(call()),
              rig.explain(caller, action, resource),
            ]);
            // The other account's own policies allow all, which the answer must not tell.
            const yes = caller.isForeign && caller.type !== "root" ? "OtherAccount" : "Allowed";
            assert.equal(Decision, allowed ? yes : "Denied", said(caller, action));
            const certainty = certaintyOf(list, caller, action);
            if (certainty === "Always") assert(allowed, said(caller, action));
            if (certainty === "Never") assert(!allowed, said(caller, action));
            assert(isConditional || certainty !== "Perhaps", said(caller, action));
            note(`${caller.isForeign ? "foreign" : "own"} ${certainty}`);
          }
        }
      }
      const certainties = isConditional ? ["Always", "Perhaps", "Never"] : ["Always", "Never"];
      for (const outcome of certainties.flatMap((certainty) => [`own ${certainty}`, `foreign ${certainty}`])) {
        assert((seen.get(outcome) ?? 0) >= 3, `${outcome}: ${JSON.stringify([...seen])}`);
      }
    });
  }

  test("an explanation says what every gate says, and its smallest change is one", async () => {
    await using world = await StsWorld.start(database);
    const rig = await RightsRig.make(world);
    const { accountId, otherId } = rig.names;
    const ann = { type: "user", arn: "user/ann" } as const;
    const key = await rig.root.call("CreateKey");
    const { KeyId: keyId, Arn: keyArn } = key["KeyMetadata"] as { KeyId: string; Arn: string };
    await rig.root.call("CreateAlias", { KeyId: keyId, AliasName: "alias/payroll" });

    const denied = await rig.explain(ann, "kms:Decrypt", "alias/payroll");
    assert.deepEqual(
      [denied.Decision, denied.RefusedBy, denied.Gates.Gate.map(({ Name, Verdict }) => `${Name} ${Verdict}`)],
      ["Denied", "identity", ["identity None", "resource None"]],
    );
    assert.equal(denied.SmallestChange?.Sentence, `Allow kms:Decrypt on ${keyArn} in the policies of the caller.`);
    const [added] = denied.SmallestChange?.Add.Statement ?? [];
    const statements = [JSON.parse(added?.Document ?? "") as object];
    await world.attach(rig.root, {
      policy: "smallest-change",
      statements,
      to: { UserName: "ann" },
      action: "AttachPolicyToUser",
    });
    const allowed = await rig.explain(ann, "kms:Decrypt", keyId);
    assert.deepEqual(
      [allowed.Decision, allowed.DecidedBy, allowed.SmallestChange],
      ["Allowed", { Policy: "Custom/smallest-change/v1", Index: 0 }, undefined],
    );
    const listed = await rig.list("alias/payroll", ["kms:Decrypt", "kms:DisableKey"]);
    assert.deepEqual(
      listed.map(({ Type, Arn, Actions }) => [Type, Arn, Actions.Action.map(({ Name }) => Name)]),
      [
        ["RootUser", `acs:ram::${accountId}:root`, ["kms:Decrypt", "kms:DisableKey"]],
        ["SubUser", `acs:ram::${accountId}:user/ann`, ["kms:Decrypt"]],
      ],
    );

    // Whoever only the key's policy names is found, too, and the key's tags are what its conditions find.
    const about = { Action: "kms:Encrypt", Resource: "*" };
    const toBen = { Effect: "Allow", Principal: { RAM: [`acs:ram::${accountId}:user/ben`] }, ...about };
    await rig.root.call("SetKeyPolicy", { KeyId: keyId, Policy: policy([toBen]) });
    await rig.root.call("TagResource", { KeyId: keyId, Tags: JSON.stringify([{ TagKey: "team", TagValue: "red" }]) });
    const Condition = { StringEquals: { "kms:tag/team": "red" } };
    await world.attach(rig.root, {
      policy: "red-keys",
      statements: [{ Effect: "Allow", ...about, Condition }],
      to: { GroupName: "team" },
      action: "AttachPolicyToGroup",
    });
    const [ben, cat] = await Promise.all(
      ["user/ben", "user/cat"].map((arn) => rig.explain({ type: "user", arn }, "kms:Encrypt", keyId)),
    );
    assert.deepEqual(
      [ben, cat].map((explained) => [explained?.Decision, explained?.DecidedBy?.Policy]),
      [
        ["Allowed", "Custom/red-keys/v1"],
        ["Allowed", "Custom/red-keys/v1"],
      ],
    );
    assert.deepEqual(
      (await rig.list(keyId, ["kms:Encrypt"])).map(({ Arn, Groups, Actions }) => [
        Arn.slice(Arn.lastIndexOf(":") + 1),
        Groups.Group,
        Actions.Action[0]?.Certainty,
      ]),
      [
        ["root", [], "Always"],
        ["user/ben", ["team"], "Always"],
        ["user/cat", ["team"], "Perhaps"],
      ],
    );
    await rig.root.call(
      "DetachPolicyFromGroup",
      { GroupName: "team", PolicyType: "Custom", PolicyName: "red-keys" },
      RAM,
    );
    assert.deepEqual(
      (await rig.list(keyId, ["kms:Encrypt"])).map(({ Name }) => Name),
      ["root", "ben"],
    );

    // Of another account's policies nothing is said, neither of its users' nor of its keys'.
    const SourceIp = { "AuthCondition.1.Key": "acs:SourceIp", "AuthCondition.1.Value": "10.1.2.3" };
    const guest = `acs:ram::${otherId}:role/vendor`;
    const Statement = {
      Effect: "Allow",
      Principal: { RAM: [guest] },
      Action: "kms:Encrypt",
      Resource: "*",
      Condition: { IpAddress: { "acs:SourceIp": "10.0.0.0/8" } },
    };
    await rig.root.call("SetKeyPolicy", { KeyId: keyId, Policy: policy([Statement]) });
    const question = { AuthPrincipal: guest, AuthAction: "kms:Encrypt", AuthResource: keyArn };
    const elsewhere = await rig.root.call("GetAccessExplanation", question, RAM);
    const inside = await rig.root.call("GetAccessExplanation", { ...question, ...SourceIp }, RAM);
    assert.deepEqual([elsewhere["Decision"], inside["Decision"]], ["Denied", "OtherAccount"]);
    const everywhere = { ...question, AuthAction: "kms:Decrypt" };
    const Deny = { ...Statement, Effect: "Deny", Action: "kms:Decrypt", Condition: undefined };
    await rig.root.call("SetKeyPolicy", { KeyId: keyId, Policy: policy([Statement, Deny]) });
    const { Decision, DecidedBy } = await rig.root.call("GetAccessExplanation", everywhere, RAM);
    assert.deepEqual([Decision, DecidedBy], ["Denied", { Policy: "Resource/default", Index: 1 }]);
    assert(!JSON.stringify(inside).includes("another account's"));
    const [missing, existing] = await Promise.all(
      ["acs:kms:cn-hangzhou:1234567890123456:key/5c438b18-05be-40ad-b6c2-3be6752c3d8f", keyArn].map(async (arn) => {
        const asked = { AuthPrincipal: "role/vendor", AuthAction: "kms:Encrypt", AuthResource: arn };
        const { RequestId: _requestId, ...answer } = await world
          .client(world.other.credentials)
          .call("GetAccessExplanation", asked, RAM);
        return JSON.stringify(answer).replaceAll(arn, "<arn>");
      }),
    );
    assert.equal(existing, missing);
    assert(missing?.includes('"Decision":"OtherAccount"'));
    assert.deepEqual(
      (await rig.list(keyId, ["kms:Encrypt"])).map(({ Arn, NeedsOwnPolicies, Actions }) => [
        Arn,
        NeedsOwnPolicies,
        Actions.Action[0]?.Certainty,
      ]),
      [
        [`acs:ram::${accountId}:root`, false, "Always"],
        [guest, true, "Perhaps"],
      ],
    );
  });

  test("questions about rights need rights, and make sense or are refused", async () => {
    await using world = await StsWorld.start(database);
    const { one, other } = world;
    const root = world.client(one.credentials);
    const { KeyMetadata } = await root.call("CreateKey");
    const { KeyId, Arn } = KeyMetadata as { KeyId: string; Arn: string };
    await root.call("CreateUser", { UserName: "auditor" }, RAM);
    const attach = (PolicyName: string) =>
      root.call("AttachPolicyToUser", { UserName: "auditor", PolicyType: "System", PolicyName }, RAM);
    const { AccessKey } = await root.call("CreateAccessKey", { UserName: "auditor" }, RAM);
    const made = AccessKey as { AccessKeyId: string; AccessKeySecret: string };
    const auditor = world.client({ accessKeyId: made.AccessKeyId, accessKeySecret: made.AccessKeySecret });
    const explained = { AuthPrincipal: "root", AuthAction: "kms:Decrypt", AuthResource: KeyId };
    const listed = { "AuthAction.1": "kms:Decrypt", AuthResource: KeyId };
    const codes = async () => [
      await refusal(auditor.call("GetAccessExplanation", explained, RAM)),
      await refusal(auditor.call("ListPrincipalsForAction", listed, RAM)),
    ];
    assert.deepEqual(await codes(), ["NoPermission", "NoPermission"]);
    await attach("AliyunRAMReadOnlyAccess");
    assert.deepEqual(await codes(), ["NoPermission", "NoPermission"]);
    await attach("AliyunKMSReadOnlyAccess");
    assert.deepEqual(await codes(), ["no error", "no error"]);

    const foreign = Arn.replace(one.accountId, other.accountId);
    const cases: readonly (readonly [code: string, changed: Readonly<Record<string, string>>])[] = [
      ["EntityNotExist.User", { AuthPrincipal: "user/nobody" }],
      ["EntityNotExist.Role", { AuthPrincipal: "role/nobody" }],
      ["InvalidParameter", { AuthPrincipal: "nobody" }],
      ["InvalidParameter", { AuthPrincipal: `acs:ram::${other.accountId}:root`, AuthResource: foreign }],
      ["InvalidParameter", { AuthAction: "kms:*" }],
      ["InvalidParameter", { AuthAction: "Decrypt" }],
      ["InvalidParameter", { AuthAction: ASSUME, AuthResource: "acs:ram:*:*:role/x" }],
      ["EntityNotExist.Role", { AuthAction: "ram:GetRole", AuthResource: `acs:ram::${one.accountId}:role/x` }],
      ["Forbidden.KeyNotFound", { AuthResource: "5c438b18-05be-40ad-b6c2-3be6752c3d8f" }],
      ["Forbidden.AliasNotFound", { AuthResource: "alias/nothing" }],
      ["InvalidParameter", { AuthResource: "acs:kms" }],
      ["no error", { AuthAction: "kms:CreateAlias", AuthResource: Arn.replace(`key/${KeyId}`, "alias/new") }],
      ["no error", { AuthAction: "kms:ListTagResources", AuthResource: Arn.replace(KeyId, "*") }],
      ["no error", { AuthAction: "kms:DescribeRegions", AuthResource: "*" }],
      ["InvalidParameter", { "AuthCondition.1.Key": "acs:Nothing", "AuthCondition.1.Value": "1" }],
      ["InvalidParameter", { "AuthCondition.1.Key": "kms:tag/team", "AuthCondition.1.Value": "red" }],
      ["InvalidParameter", { "AuthCondition.1.Key": "acs:CurrentTime", "AuthCondition.1.Value": "tomorrow" }],
      ["InvalidParameter", { "AuthCondition.1.Key": "acs:MFAPresent", "AuthCondition.1.Value": "true" }],
      ["no error", { "AuthCondition.1.Key": "acs:CurrentTime", "AuthCondition.1.Value": "2027-01-01T00:00:00Z" }],
    ];
    for (const [code, changed] of cases) {
      const question = { ...explained, ...changed };
      assert.equal(await refusal(root.call("GetAccessExplanation", question, RAM)), code, JSON.stringify(changed));
    }
    const notOwn = { ...listed, AuthResource: foreign };
    assert.equal(await refusal(root.call("ListPrincipalsForAction", notOwn, RAM)), "InvalidParameter");
    const events = (await world.events()).filter(({ eventName }) => eventName === "GetAccessExplanation");
    assert(events.some(({ text }) => text.includes('"Decision":"Allowed"') && text.includes(KeyId)));
  });

  test("long lists of principals come page by page", async () => {
    await using world = await StsWorld.start(database);
    const root = world.client(world.one.credentials);
    const names = Array.from({ length: 7 }, (_, index) => `user-${index}`);
    for (const name of names) {
      await root.call("CreateUser", { UserName: name }, RAM);
      const policyName = { PolicyType: "System", PolicyName: "AliyunKMSFullAccess" };
      await root.call("AttachPolicyToUser", { UserName: name, ...policyName }, RAM);
    }
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await root.call(
        "ListPrincipalsForAction",
        {
          "AuthAction.1": "kms:CreateKey",
          AuthResource: `acs:kms:cn-hangzhou:${world.one.accountId}:key`,
          MaxItems: "3",
          ...(Marker !== undefined && { Marker }),
        },
        RAM,
      );
      const { Principal } = page["Principals"] as { Principal: readonly { readonly Name: string }[] };
      assert(Principal.length <= 3);
      seen.push(...Principal.map(({ Name }) => Name));
      Marker = page["Marker"] as string | undefined;
    } while (Marker !== undefined);
    assert.deepEqual(seen, ["root", ...names]);
  });
});
