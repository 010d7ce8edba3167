import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CinnabarClient } from "@cinnabar/client";
import { Instances } from "@cinnabar/kms";
import { forEachDatabase, IdentityProvider } from "@cinnabar/testkit";
import fc from "fast-check";
import { Application } from "./support/application.ts";
import { type Names, randomRights, type RandomRights } from "./support/random-rights.ts";
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

const SEED = 20_261_122;
/** Random sets of policies with conditions, and as many without. */
const ROUNDS = 6;

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

/** Somebody who is asked about, and what answers call it. */
interface Asked {
  readonly type: "root" | "user" | "role" | "application" | "service" | "provider";
  readonly arn: string;
  readonly isForeign: boolean;
  /** Whether it has policies with conditions in any case. */
  readonly isConditional?: boolean;
}

/** Somebody who calls the API. */
interface Caller extends Asked {
  readonly client: CinnabarClient;
}

/** An application, of which one policy says what it may use. */
interface Called extends Asked {
  readonly application: Application;
}

/** What is asked about somebody, and whether a call is carried out. */
interface Question {
  readonly action: string;
  readonly resource: string;
  readonly list: readonly Listed[];
  readonly call: () => Promise<boolean>;
}

/** What an application may do at all, and by which operation. */
const APPLICATION_CALLS: Readonly<Record<string, string>> = {
  "kms:Encrypt": "AdvanceEncrypt",
  "kms:GenerateDataKey": "GenerateDataKey",
};

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
  readonly applications: readonly Called[];
  /** Calls as a service of the deployment. */
  readonly service: Caller;
  /** What policies are attached to. */
  readonly holders: readonly { readonly type: "User" | "Group" | "Role"; readonly name: string }[];
  readonly #attached = new Set<string>();

  private constructor(
    parts: Pick<RightsRig, "world" | "names" | "root" | "callers" | "applications" | "service" | "holders">,
  ) {
    this.world = parts.world;
    this.names = parts.names;
    this.root = parts.root;
    this.callers = parts.callers;
    this.applications = parts.applications;
    this.service = parts.service;
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
      service: "oss.aliyuncs.com",
      provider: `acs:ram::${one.accountId}:oidc-provider/ci`,
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
    const oss = await enableService(world, "oss");
    const service: Caller = { client: oss, type: "service", arn: names.service, isForeign: false };
    const applications = await RightsRig.#admitApplications(world, root);
    const holders = [
      ...names.users.map((name) => ({ type: "User", name }) as const),
      { type: "Group", name: "team" } as const,
      ...names.roles.map((name) => ({ type: "Role", name }) as const),
    ];
    return new RightsRig({ world, names, root, callers, applications, service, holders });
  }

  /** One that is admitted from everywhere, one from here, one from elsewhere, and one to the keys of an instance. */
  static async #admitApplications(world: StsWorld, root: CinnabarClient): Promise<readonly Called[]> {
    const { accountId } = world.one;
    const software = { accountId, type: "software", quotas: {} } as const;
    const instance = await new Instances(world.store).create(software, async () => undefined);
    const admitted = [
      { name: "everywhere" },
      { name: "here", sources: ["127.0.0.0/8"] },
      { name: "elsewhere", sources: ["10.0.0.0/8"] },
      { name: "instance", instance },
    ];
    const applications: Called[] = [];
    for (const parts of admitted) {
      const application = await Application.admit(world, root, { ...parts, resources: ["key/*"] });
      const arn = `acs:kms:cn-hangzhou:${accountId}:applicationaccesspoint/${parts.name}`;
      const isConditional = parts.sources !== undefined;
      applications.push({ application, type: "application", arn, isForeign: false, isConditional });
    }
    return applications;
  }

  /** What can be asked about somebody of the API, with the lists of who may. */
  questionsOf(caller: Caller, { key, role }: Record<"key" | "role", AskedThing>): readonly Question[] {
    const { client, isForeign, type } = caller;
    const calls = Object.entries(KEY_CALLS).filter(([name]) => !isForeign || !BY_ID_ALONE.includes(name));
    const KeyId = isForeign ? key.arn : key.arn.slice(key.arn.lastIndexOf("/") + 1);
    const onKey = calls.map(([name, parameters]): Question => {
      const call = () => isAllowed(client.call(name, { KeyId, ...parameters, DryRun: "true" }));
      return { action: `kms:${name}`, resource: key.arn, list: key.list, call };
    });
    const assuming = { RoleArn: role.arn, RoleSessionName: "test", DryRun: "true" };
    const onRole: Question = {
      action: ASSUME,
      resource: role.arn,
      list: role.list,
      call: () => isAllowed(client.call("AssumeRole", assuming, STS)),
    };
    // No service calls anything but what it does in an account, and no root assumes roles.
    return [...(type === "service" ? [] : onKey), ...(type === "root" ? [] : [onRole])];
  }

  /** The same about an application, to which the most of this is not open at all. */
  questionsOfApplication({ application }: Called, { arn, list }: AskedThing): readonly Question[] {
    const KeyId = arn.slice(arn.lastIndexOf("/") + 1);
    return ACTIONS.map((action): Question => {
      const api = APPLICATION_CALLS[action];
      const fields = { KeyId, ...(action === "kms:Encrypt" && { Plaintext: Buffer.from("text") }) };
      const call = async (): Promise<boolean> => {
        if (api === undefined) return false;
        const { code } = await application.call(api, fields);
        assert(code === undefined || code === "Forbidden.NoPermission", code);
        return code === undefined;
      };
      return { action, resource: arn, list, call };
    });
  }

  /** Whether whoever a provider vouches for may assume a role. */
  questionOfProvider(token: string, { arn: RoleArn, list }: AskedThing): Question {
    const call = async (): Promise<boolean> => {
      const url = new URL(this.world.nodes[0]?.url ?? "");
      const timestamp = new Date().toISOString();
      const common = { Action: "AssumeRoleWithOIDC", Format: "JSON", Version: STS.version, Timestamp: timestamp };
      url.search = new URLSearchParams(common).toString();
      const form = { RoleArn, RoleSessionName: "test", OIDCProviderArn: this.names.provider, OIDCToken: token };
      const response = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
      const { Code } = (await response.json()) as { readonly Code?: string };
      assert(Code === undefined || Code === "NoPermission", Code);
      return Code === undefined;
    };
    return { action: ASSUME, resource: RoleArn, list, call };
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
    const { KeyId: keyId, Arn: keyArn } = await createKey(this.root, {
      Policy: policy(keyPolicy),
      Tags: JSON.stringify([{ TagKey: "team", TagValue: "red" }]),
      ConfirmLockout: "true",
    });
    return { keyId, keyArn };
  }

  async list(resource: string, actions: readonly string[]): Promise<readonly Listed[]> {
    const asked = Object.fromEntries(actions.map((action, index) => [`AuthAction.${index + 1}`, action]));
    const { Principals } = await this.root.call("ListPrincipalsForAction", { ...asked, AuthResource: resource }, RAM);
    return (Principals as { readonly Principal: readonly Listed[] }).Principal;
  }

  async explain({ type, arn }: Pick<Asked, "type" | "arn">, action: string, resource: string): Promise<Explained> {
    const AuthPrincipal = type === "role" ? `${arn}/test` : type === "service" ? `service/${arn}` : arn;
    const question = { AuthPrincipal, AuthAction: action, AuthResource: resource };
    return (await this.root.call("GetAccessExplanation", question, RAM)) as unknown as Explained;
  }
}

/** What questions are about, and who may by the list of those who may. */
interface AskedThing {
  readonly arn: string;
  readonly list: readonly Listed[];
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
function certaintyOf(listed: readonly Listed[], { arn, isForeign }: Asked, action: string): string {
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

let idp: IdentityProvider;
before(async () => {
  idp = await IdentityProvider.start();
});
after(() => idp[Symbol.asyncDispose]());

forEachDatabase((database) => {
  for (const isConditional of [false, true]) {
    const kind = isConditional ? "with conditions" : "without conditions";
    test(`explanations and lists say of random policies ${kind} what every caller meets`, async () => {
      await using world = await StsWorld.start(database);
      const { issuer, audience, ca } = idp;
      const settings = { name: "ci", issuer, clientIds: [audience], ca, allowsLocalAddresses: true };
      await world.providers.create(world.one.accountId, settings);
      const token = await idp.issueToken();
      const rig = await RightsRig.make(world);
      const arbitrary = randomRights(rig.names, { holders: rig.holders.length, isConditional });
      const seen = new Map<string, number>();
      for (const [round, rights] of fc.sample(arbitrary, { seed: SEED, numRuns: ROUNDS }).entries()) {
        const { keyId, keyArn } = await rig.put(rights);
        // What applications may use changes as well.
        const Resources = JSON.stringify([round % 3 === 0 ? "key/*" : `key/${round % 3 === 1 ? keyId : "another"}`]);
        await rig.root.call("UpdatePolicy", { Name: "everywhere", Resources });
        const roleArn = `acs:ram::${rig.names.accountId}:role/target`;
        const role = { arn: roleArn, list: await rig.list(roleArn, [ASSUME]) };
        const key = { arn: keyArn, list: await rig.list(keyId, ACTIONS) };
        const provider = { type: "provider", arn: rig.names.provider, isForeign: false } as const;
        const asked: readonly (readonly [Asked, readonly Question[]])[] = [
          ...[...rig.callers, rig.service].map((caller) => [caller, rig.questionsOf(caller, { key, role })] as const),
          ...rig.applications.map((called) => [called, rig.questionsOfApplication(called, key)] as const),
          [provider, [rig.questionOfProvider(token, role)]],
        ];
        for (const [caller, questions] of asked) {
          for (const { action, resource, list, call } of questions) {
            const said = `round ${round}: ${caller.arn} ${action}\n${JSON.stringify(rights)}`;
            const [allowed, { Decision }] = await Promise.all([call(), rig.explain(caller, action, resource)]);
            // The other account's own policies allow all, which the answer must not tell.
            const yes = caller.isForeign && caller.type !== "root" ? "OtherAccount" : "Allowed";
            assert.equal(Decision, allowed ? yes : "Denied", said);
            const certainty = certaintyOf(list, caller, action);
            if (certainty === "Always") assert(allowed, said);
            if (certainty === "Never") assert(!allowed, said);
            assert(isConditional || caller.isConditional === true || certainty !== "Perhaps", said);
            const of = caller.isForeign
              ? "foreign"
              : ["root", "user", "role"].includes(caller.type)
                ? "own"
                : caller.type;
            seen.set(`${of} ${certainty}`, (seen.get(`${of} ${certainty}`) ?? 0) + 1);
          }
        }
        // Nobody is listed who is not asked about, but whoever prepares all this.
        const known = new Set(asked.map(([{ arn }]) => arn));
        const strangers = [...key.list, ...role.list].filter(({ Arn, Type }) => Type !== "Account" && !known.has(Arn));
        assert.deepEqual(
          strangers.map(({ Arn }) => Arn).filter((arn) => !arn.endsWith(":user/assumer")),
          [],
        );
      }
      const certainties = isConditional ? ["Always", "Perhaps", "Never"] : ["Always", "Never"];
      for (const outcome of certainties.flatMap((certainty) => [`own ${certainty}`, `foreign ${certainty}`])) {
        assert((seen.get(outcome) ?? 0) >= 3, `${outcome}: ${JSON.stringify([...seen])}`);
      }
      const others = [
        "application Always",
        "application Perhaps",
        "application Never",
        "service Never",
        "provider Never",
      ];
      const mayBe = isConditional ? [] : ["service Always", "provider Always"];
      for (const outcome of [...others, ...mayBe]) {
        assert((seen.get(outcome) ?? 0) >= 1, `${outcome}: ${JSON.stringify([...seen])}`);
      }
    });
  }

  test("an explanation says what every gate says, and its smallest change is one", async () => {
    await using world = await StsWorld.start(database);
    const rig = await RightsRig.make(world);
    const { accountId, otherId } = rig.names;
    const applicationArn = (name: string) => `acs:kms:cn-hangzhou:${accountId}:applicationaccesspoint/${name}`;
    const ann = { type: "user", arn: "user/ann" } as const;
    const { KeyId: keyId, Arn: keyArn } = await createKey(rig.root);
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
        ...["elsewhere", "everywhere", "here"].map((name) => ["Application", applicationArn(name), ["kms:Decrypt"]]),
      ],
    );
    assert.deepEqual(
      listed.slice(2).map(({ Name, Actions }) => {
        const { Certainty, Statements } = Actions.Action[0] ?? {};
        return [Name, Certainty, Statements?.Statement];
      }),
      [
        ["elsewhere", "Perhaps", [{ Policy: "Application/elsewhere", Index: 0 }]],
        ["everywhere", "Always", [{ Policy: "Application/everywhere", Index: 0 }]],
        ["here", "Perhaps", [{ Policy: "Application/here", Index: 0 }]],
      ],
    );
    for (const arn of ["application/instance", applicationArn("instance")]) {
      const none = await rig.explain({ type: "application", arn }, "kms:Decrypt", keyId);
      const [gate] = none.Gates.Gate;
      assert.deepEqual([none.Decision, none.RefusedBy, gate?.Verdict], ["Denied", "identity", "None"]);
      assert.match(JSON.stringify(gate), /kms:InstanceId/);
    }
    const elsewhereToo = { AuthPrincipal: "application/elsewhere", AuthAction: "kms:Decrypt", AuthResource: keyId };
    const from = { "AuthCondition.1.Key": "acs:SourceIp", "AuthCondition.1.Value": "10.1.2.3" };
    const fromThere = await rig.root.call("GetAccessExplanation", { ...elsewhereToo, ...from }, RAM);
    assert.deepEqual(
      [fromThere["Decision"], fromThere["DecidedBy"], fromThere["AuthPrincipal"]],
      ["Allowed", { Policy: "Application/elsewhere", Index: 0 }, applicationArn("elsewhere")],
    );
    for (const name of ["elsewhere", "everywhere", "here"]) {
      await rig.root.call("DeleteApplicationAccessPoint", { Name: name });
    }

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

    // What the account lets all its users do with their own passwords counts as policies do.
    const password = ["ram:ChangePassword", `acs:ram::${accountId}:user/ann`] as const;
    const mayChange = () =>
      Promise.all(["user/ann", "user/ben"].map((arn) => rig.explain({ type: "user", arn }, ...password)));
    const [own, others] = await mayChange();
    assert.deepEqual(
      [own?.Decision, own?.DecidedBy?.Policy, others?.Decision],
      ["Allowed", "Resource/AllowUserToChangePassword", "Denied"],
    );
    assert.deepEqual(
      (await rig.list(password[1], [password[0]])).map(({ Name }) => Name),
      ["root", "ann"],
    );
    await rig.root.call("SetSecurityPreference", { AllowUserToChangePassword: "false" }, RAM);
    assert.deepEqual(
      (await mayChange()).map(({ Decision }) => Decision),
      ["Denied", "Denied"],
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
    const { KeyId, Arn } = await createKey(root);
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
      ["Forbidden.ResourceNotFound", { AuthPrincipal: "application/nobody" }],
      ["EntityNotExist.OIDCProvider", { AuthPrincipal: "oidc-provider/nobody" }],
      ["InvalidParameter", { AuthPrincipal: `acs:ram::${other.accountId}:oidc-provider/ci` }],
      [
        "InvalidParameter",
        { AuthPrincipal: `acs:kms:cn-hangzhou:${other.accountId}:applicationaccesspoint/app`, AuthResource: Arn },
      ],
      ["InvalidParameter", { AuthPrincipal: "service/nothing.aliyuncs.com" }],
      ["no error", { AuthPrincipal: "service/oss.aliyuncs.com" }],
      ["InvalidParameter", { "AuthCondition.1.Key": "kms:InstanceId", "AuthCondition.1.Value": "none" }],
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
