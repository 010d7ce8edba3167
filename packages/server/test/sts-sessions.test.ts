import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { CinnabarClient, Credentials } from "@cinnabar/client";
import {
  advanceClock,
  type ControlTransaction,
  destroyAccountKeyVersion,
  rewrapStep,
  RootKey,
  rotateAccountKey,
  rotateRootKey,
} from "@cinnabar/kernel";
import { signAcs3, signAcs4, type SignedRequest, signV1, SigningSecret } from "@cinnabar/rpc";
import { forEachDatabase } from "@cinnabar/testkit";
import type { CinnabarNode } from "../src/node.ts";
import { accountKeyUses } from "../src/tables.ts";
import {
  type Account,
  allow,
  assume,
  createKey,
  policy,
  RAM,
  refusal,
  type SessionAnswer,
  STS,
  StsWorld,
  toCredentials,
  trusts,
} from "./support/sts-world.ts";

const HOUR_MILLIS = 60 * 60 * 1000;
const EXPIRED = "InvalidSecurityToken.Expired";

/** A user of the first account that may assume a role of the same, which may do everything with keys. */
class Deployer {
  readonly world: StsWorld;
  readonly credentials: Credentials;
  readonly user: CinnabarClient;
  readonly roleArn: string;

  private constructor(world: StsWorld, credentials: Credentials, roleArn: string) {
    this.world = world;
    this.credentials = credentials;
    this.user = world.client(credentials);
    this.roleArn = roleArn;
  }

  static async make(world: StsWorld, { as = world.one, condition }: { as?: Account; condition?: object } = {}) {
    const credentials = await world.createUser(as, "deployer", [allow("sts:AssumeRole")]);
    const roleArn = await world.createRole(world.one, "deployments", {
      trust: [trusts({ RAM: `acs:ram::${as.accountId}:user/deployer` }, condition)],
      statements: [allow("kms:*")],
    });
    return new Deployer(world, credentials, roleArn);
  }

  async begin(parameters?: Readonly<Record<string, string>>): Promise<SessionAnswer> {
    return assume(this.user, this.roleArn, parameters);
  }

  /** The clients of a new session, one for each node. */
  async clients(parameters?: Readonly<Record<string, string>>): Promise<readonly CinnabarClient[]> {
    const credentials = toCredentials(await this.begin(parameters));
    return this.world.nodes.map((_node, index) => this.world.client(credentials, index));
  }
}

function rootOf(world: StsWorld, account = world.one): CinnabarClient {
  return world.client(account.credentials);
}

forEachDatabase((database) => {
  test("a session does what its role may, says who it is, and stands in its events", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const { accountId } = world.one;
    const answer = await deployer.begin();
    const { AssumedRoleUser, Credentials: made } = answer;
    assert.equal(AssumedRoleUser.Arn, `acs:ram::${accountId}:role/deployments/test`);
    assert.match(AssumedRoleUser.AssumedRoleId, /^3[0-9]{17}:test$/);
    assert.match(made.AccessKeyId, /^STS\.[A-Za-z0-9]{24}$/);
    const lastsMillis = Date.parse(made.Expiration) - Date.now();
    assert.ok(lastsMillis > HOUR_MILLIS - 60_000 && lastsMillis <= HOUR_MILLIS, String(lastsMillis));

    const session = world.client(toCredentials(answer));
    const { KeyId: keyId } = await createKey(session);
    await session.call("DescribeKey", { KeyId: keyId });
    assert.equal(await refusal(session.call("ListUsers", {}, RAM)), "NoPermission");
    const [roleId = ""] = AssumedRoleUser.AssumedRoleId.split(":");
    const { RequestId: _, ...identity } = await session.call("GetCallerIdentity", {}, STS);
    assert.deepEqual(identity, {
      AccountId: accountId,
      Arn: `acs:ram::${accountId}:assumed-role/deployments/test`,
      IdentityType: "AssumedRoleUser",
      PrincipalId: `${roleId}:test`,
      RoleId: roleId,
    });

    const events = await world.events();
    const assumed = events.find(({ eventName }) => eventName === "AssumeRole");
    assert.equal(assumed?.additionalEventData["issuedAccessKeyId"], made.AccessKeyId);
    assert.equal(assumed?.userIdentity["userName"], "deployer");
    const created = events.find(({ eventName }) => eventName === "CreateKey");
    const { sessionContext, ...who } = created?.userIdentity ?? {};
    assert.deepEqual(who, {
      accessKeyId: made.AccessKeyId,
      accountId,
      principalId: AssumedRoleUser.AssumedRoleId,
      type: "assumed-role",
      userName: "deployments:test",
    });
    assert.equal((sessionContext as { attributes: Record<string, string> }).attributes["mfaAuthenticated"], "false");
    const texts = [...events.map(({ text }) => text), ...world.logged].join("\n");
    assert.ok(!texts.includes(made.AccessKeySecret) && !texts.includes(made.SecurityToken), "secrets are on record");
    assert.ok(!texts.includes(made.SecurityToken.slice(60, 100)), "a part of the token is on record");
  });

  test("root and user are told who they are, and the root assumes no role", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const { accountId } = world.one;
    const root = rootOf(world);
    const { RequestId: _1, ...asRoot } = await root.call("GetCallerIdentity", {}, STS);
    assert.deepEqual(asRoot, {
      AccountId: accountId,
      Arn: `acs:ram::${accountId}:root`,
      IdentityType: "Account",
      PrincipalId: accountId,
      UserId: accountId,
    });
    const { RequestId: _2, UserId, ...asUser } = await deployer.user.call("GetCallerIdentity", {}, STS);
    assert.deepEqual(asUser, {
      AccountId: accountId,
      Arn: `acs:ram::${accountId}:user/deployer`,
      IdentityType: "RAMUser",
      PrincipalId: UserId,
    });
    assert.equal(await refusal(assume(root, deployer.roleArn)), "NoPermission");
  });

  test("a role is assumed only by whom both its trust policy and their own policies admit", async () => {
    await using world = await StsWorld.start(database);
    const { roleArn } = await Deployer.make(world);
    const trusted = await world.createUser(world.one, "trusted", [allow("kms:*")]);
    const allowed = await world.createUser(world.one, "allowed", [allow("sts:AssumeRole")]);
    const root = rootOf(world);
    const document = policy([trusts({ RAM: `acs:ram::${world.one.accountId}:user/trusted` })]);
    await root.call("UpdateRole", { RoleName: "deployments", NewAssumeRolePolicyDocument: document }, RAM);
    assert.equal(await refusal(assume(world.client(trusted), roleArn)), "NoPermission");
    assert.equal(await refusal(assume(world.client(allowed), roleArn)), "NoPermission");
    const to = { UserName: "trusted" };
    await world.attach(root, { policy: "may", statements: [allow("sts:*")], to, action: "AttachPolicyToUser" });
    await assume(world.client(trusted), roleArn);
  });

  test("a role of another account that is missing looks like one that does not trust the caller", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const stranger = world.client(await world.createUser(world.other, "stranger", [allow("sts:AssumeRole")]));
    const told = async (role: string): Promise<string> => {
      const arn = `acs:ram::${world.one.accountId}:role/${role}`;
      return assume(stranger, arn).then(
        () => "assumed",
        (error: unknown) => String(error),
      );
    };
    assert.equal(await told("deployments"), await told("nothing-here"));
    assert.match(await told("deployments"), /not authorized/);
    const missing = assume(deployer.user, `acs:ram::${world.one.accountId}:role/nothing-here`);
    assert.equal(await refusal(missing), "EntityNotExist.Role");
  });

  test("whoever does not give the external id that the trust policy asks for is refused", async () => {
    await using world = await StsWorld.start(database);
    const condition = { StringEquals: { "sts:ExternalId": "customer-7" } };
    const { user, roleArn } = await Deployer.make(world, { as: world.other, condition });
    assert.equal(await refusal(assume(user, roleArn)), "NoPermission");
    assert.equal(await refusal(assume(user, roleArn, { ExternalId: "customer-8" })), "NoPermission");
    const session = world.client(toCredentials(await assume(user, roleArn, { ExternalId: "customer-7" })));
    const { AccountId } = await session.call("GetCallerIdentity", {}, STS);
    assert.equal(AccountId, world.one.accountId);

    // Both accounts have it on record: the caller's, and the one whose role it is.
    const lookUp = async (account: Account): Promise<readonly Readonly<Record<string, unknown>>[]> => {
      const wire = { "LookupAttribute.1.Key": "EventName", "LookupAttribute.1.Value": "AssumeRole" };
      const { Events } = await rootOf(world, account).call("LookupEvents", wire, { version: "2020-07-06" });
      return Events as Readonly<Record<string, unknown>>[];
    };
    const [event = {}, ...others] = await lookUp(world.one);
    assert.deepEqual(others, [], "of those that were refused it hears nothing");
    const { accountId, principalId: _, ...who } = event["userIdentity"] as Readonly<Record<string, string>>;
    assert.deepEqual([accountId, who], [world.other.accountId, { type: "ram-user", userName: "deployer" }]);
    const facts = event["additionalEventData"] as Readonly<Record<string, string>>;
    assert.match(facts["issuedAccessKeyId"] ?? "", /^STS\./);
    const parameters = event["requestParameters"] as Readonly<Record<string, string>>;
    assert.equal(parameters["ExternalId"], "customer-7");
    assert.equal(event["sourceIpAddress"], undefined);
    assert.equal((await lookUp(world.other)).length, 3);
  });

  test("a session policy narrows what the role may do, and widens nothing", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const [wide] = await deployer.clients();
    const { KeyId: keyId } = await createKey(wide!);
    const narrow = await deployer.clients({ Policy: policy([allow("kms:DescribeKey", "ram:*")]) });
    const Policy = policy([allow("kms:*"), { ...allow("kms:CreateKey"), Effect: "Deny" }]);
    const [barred] = await deployer.clients({ Policy, RoleSessionName: "build-42" });
    await assert.rejects(
      barred!.call("CreateKey"),
      /narrow statement 2 of the session policy "build-42", which denies/,
    );
    for (const session of narrow) {
      await session.call("DescribeKey", { KeyId: keyId });
      assert.equal(await refusal(session.call("CreateKey")), "Forbidden.NoPermission");
      assert.equal(await refusal(session.call("ListUsers", {}, RAM)), "NoPermission");
    }
  });

  test("a session is accepted by every protocol, wherever its token is sent, and nothing else is", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const session = toCredentials(await deployer.begin());
    const another = toCredentials(await deployer.begin());
    const { host, origin } = new URL(world.nodes[0]!.url);
    const send = async ({ method, url, headers, body }: SignedRequest): Promise<string> => {
      const sent = new Headers(headers);
      sent.delete("host");
      const response = await fetch(new URL(url, origin), { method, headers: sent, ...(method === "POST" && { body }) });
      const { Code: code = "none" } = (await response.json()) as { Code?: string };
      return code;
    };
    const requests = (credentials: Credentials): Record<string, SignedRequest> => {
      const common = {
        action: "GetCallerIdentity",
        version: STS.version,
        accessKeyId: credentials.accessKeyId,
        secret: new SigningSecret(credentials.accessKeySecret),
        securityToken: credentials.securityToken,
        timestampMillis: Date.now(),
        host,
      };
      const { securityToken, ...without } = common;
      const query = securityToken === undefined ? undefined : new Map([["SecurityToken", securityToken]]);
      const inQuery = query !== undefined && { query };
      const inForm = query !== undefined && { form: query };
      const nonce = () => randomUUID();
      return {
        "V1, GET": signV1({ ...common, method: "GET", nonce: nonce() }),
        "V1, POST": signV1({ ...common, method: "POST", nonce: nonce(), form: new Map([["a", "b"]]) }),
        "V1, token in the form": signV1({ ...without, method: "POST", nonce: nonce(), ...inForm }),
        ACS3: signAcs3({ ...common, protocol: "ACS3-HMAC-SHA256", method: "POST", nonce: nonce() }),
        "ACS3 with SM3": signAcs3({ ...common, protocol: "ACS3-HMAC-SM3", method: "GET", nonce: nonce() }),
        "ACS3, token in the query": signAcs3({
          ...without,
          protocol: "ACS3-HMAC-SHA256",
          method: "GET",
          nonce: nonce(),
          ...inQuery,
        }),
        "ACS3, token in the form": signAcs3({
          ...without,
          protocol: "ACS3-HMAC-SHA256",
          method: "POST",
          nonce: nonce(),
          ...inForm,
        }),
        ACS4: signAcs4({ ...common, region: "center", product: "Sts", method: "POST", nonce: nonce() }),
      };
    };
    const codes = async (credentials: Credentials): Promise<Set<string>> => {
      const answers = Object.entries(requests(credentials)).map(async ([name, request]) => [name, await send(request)]);
      const settled = await Promise.all(answers);
      const distinct = new Set(settled.map(([, code]) => String(code)));
      return distinct.size === 1 ? distinct : new Set(settled.map(([name, code]) => `${name}: ${code}`));
    };
    assert.deepEqual(await codes(session), new Set(["none"]));
    const { securityToken, ...withoutToken } = session;
    assert.deepEqual(await codes(withoutToken), new Set(["MissingSecurityToken"]));
    const altered = `${securityToken.slice(0, -2)}${securityToken.endsWith("AA") ? "BB" : "AA"}`;
    const wrong: Readonly<Record<string, Partial<Credentials>>> = {
      "InvalidSecurityToken.Malformed": { securityToken: altered },
      "InvalidSecurityToken.MismatchWithAccessKey": { securityToken: another.securityToken },
      "InvalidAccessKeyId.NotFound": { accessKeyId: `${session.accessKeyId.slice(0, -6)}AAAAAA` },
      SignatureDoesNotMatch: { accessKeySecret: another.accessKeySecret },
    };
    for (const [code, change] of Object.entries(wrong)) {
      assert.deepEqual(await codes({ ...session, ...change }), new Set([code]));
    }
    const ofUser = { ...deployer.credentials, securityToken };
    assert.deepEqual(await codes(ofUser), new Set(["InvalidSecurityToken.Malformed"]));
    assert.deepEqual(await codes(session), new Set(["none"]));
  });

  test("a session ends when its time is over, on record", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const session = toCredentials(await deployer.begin({ DurationSeconds: "900" }));
    const { control, region, clock } = world.nodes[0]!.store;
    const advance = (byMillis: number) => advanceClock({ control, region, to: clock.now() + byMillis });
    // A client whose clock is the store's.
    const listKeys = async (node: CinnabarNode): Promise<string | undefined> => {
      const { host } = new URL(node.url);
      const { url, headers } = signAcs3({
        ...session,
        secret: new SigningSecret(session.accessKeySecret),
        protocol: "ACS3-HMAC-SHA256",
        method: "GET",
        action: "ListKeys",
        version: "2016-01-20",
        timestampMillis: clock.now(),
        nonce: randomUUID(),
        host,
      });
      const { host: _, ...sent } = headers;
      const response = await fetch(new URL(url, node.url), { headers: sent });
      return ((await response.json()) as { Code?: string }).Code;
    };
    await advance(890_000);
    for (const node of world.nodes) assert.equal(await listKeys(node), undefined);
    await advance(20_000);
    for (const node of world.nodes) assert.equal(await listKeys(node), EXPIRED);
    const recorded = (await world.events()).filter(({ errorCode }) => errorCode === EXPIRED);
    assert.equal(recorded.length, world.nodes.length);
    assert.equal(recorded[0]?.userIdentity["type"], "assumed-role");
  });

  test("a session ends on every node once its role is changed or deleted, or an account disabled", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world, { as: world.other });
    const root = rootOf(world);
    const role = { RoleName: "deployments" };
    const { one, other, administration } = world;
    const describe = { NewDescription: "another" };
    const trust = {
      NewAssumeRolePolicyDocument: policy([trusts({ RAM: `acs:ram::${other.accountId}:user/deployer` })]),
    };
    const assertEnds = async (code: string, change: () => Promise<unknown>, back?: () => Promise<unknown>) => {
      const clients = await deployer.clients();
      for (const client of clients) await client.call("ListKeys");
      await change();
      const answers = clients.map((client) => refusal(client.call("ListKeys")));
      assert.deepEqual(new Set(await Promise.all(answers)), new Set([code]));
      await back?.();
      return clients;
    };
    await assertEnds(EXPIRED, () => root.call("UpdateRole", { ...role, ...describe }, RAM));
    await assertEnds(EXPIRED, () => root.call("UpdateRole", { ...role, ...trust }, RAM));
    for (const account of [one, other]) {
      const clients = await assertEnds(
        "InvalidAccessKeyId.Inactive",
        () => administration.setAccountEnabled(account.accountId, false),
        () => administration.setAccountEnabled(account.accountId, true),
      );
      for (const client of clients) await client.call("ListKeys");
    }
    await assertEnds("Forbidden.NoPermission", () =>
      root.call("DetachPolicyFromRole", { ...role, PolicyType: "Custom", PolicyName: "for-deployments" }, RAM),
    );
    const clients = await deployer.clients();
    await root.call("DeleteRole", role, RAM);
    // One of the same name is another role.
    const admits = policy([trusts({ RAM: `acs:ram::${other.accountId}:user/deployer` })]);
    await root.call("CreateRole", { ...role, AssumeRolePolicyDocument: admits }, RAM);
    for (const client of clients) assert.equal(await refusal(client.call("ListKeys")), EXPIRED);
  });

  test("a session that is begun from another one ends with it, and with all that ends it", async () => {
    await using world = await StsWorld.start(database);
    const { one, other, administration } = world;
    const user = world.client(await world.createUser(one, "first", [allow("sts:AssumeRole")]));
    const between = await world.createRole(other, "between", {
      trust: [trusts({ RAM: `acs:ram::${one.accountId}:user/first` })],
      statements: [allow("sts:AssumeRole")],
    });
    const last = await world.createRole(one, "last", {
      trust: [trusts({ RAM: [between, `acs:ram::${one.accountId}:role/last`] })],
      statements: [allow("sts:AssumeRole", "kms:*")],
    });
    await rootOf(world).call("UpdateRole", { RoleName: "last", NewMaxSessionDuration: "43200" }, RAM);
    const lastClients = async (parameters?: Readonly<Record<string, string>>) => {
      const first = await assume(user, between, parameters);
      const second = await assume(world.client(toCredentials(first)), last);
      const third = await assume(world.client(toCredentials(second)), last);
      for (const { Credentials: made } of [second, third]) {
        const isLater = Date.parse(made.Expiration) > Date.parse(first.Credentials.Expiration);
        assert.equal(isLater, false, "it ends after the session that it was begun from");
      }
      const sessions = [second, third].map(toCredentials);
      const clients = sessions.flatMap((made) => world.nodes.map((_node, index) => world.client(made, index)));
      for (const client of clients) await client.call("ListKeys");
      return clients;
    };
    const codesOf = async (clients: readonly CinnabarClient[]) =>
      new Set(await Promise.all(clients.map((client) => refusal(client.call("ListKeys")))));
    const early = await assume(user, between, { DurationSeconds: "900" });
    const capped = await assume(world.client(toCredentials(early)), last, { DurationSeconds: "3600" });
    assert.equal(capped.Credentials.Expiration, early.Credentials.Expiration);
    const tooLong = assume(world.client(toCredentials(early)), last, { DurationSeconds: "3601" });
    assert.equal(await refusal(tooLong), "InvalidParameter.DurationSeconds");

    const clients = await lastClients();
    await administration.setAccountEnabled(other.accountId, false);
    assert.deepEqual(await codesOf(clients), new Set(["InvalidAccessKeyId.Inactive"]));
    await administration.setAccountEnabled(other.accountId, true);
    assert.deepEqual(await codesOf(clients), new Set(["no error"]));
    await rootOf(world, other).call("UpdateRole", { RoleName: "between", NewDescription: "another" }, RAM);
    assert.deepEqual(await codesOf(clients), new Set([EXPIRED]));
    const again = await lastClients({ DurationSeconds: "900" });
    const detach = { RoleName: "between", PolicyType: "Custom", PolicyName: "for-between" };
    await rootOf(world, other).call("DetachPolicyFromRole", detach, RAM);
    await rootOf(world, other).call("DeleteRole", { RoleName: "between" }, RAM);
    assert.deepEqual(await codesOf(again), new Set([EXPIRED]));
  });

  test("at most eight roles are assumed one from the other, however often each", async () => {
    await using world = await StsWorld.start(database);
    const { one } = world;
    const trust = [trusts({ RAM: `acs:ram::${one.accountId}:root` })];
    const roles: string[] = [];
    for (let i = 0; i < 9; i++) {
      roles.push(await world.createRole(one, `step${i}`, { trust, statements: [allow("sts:AssumeRole")] }));
    }
    let client = world.client(await world.createUser(one, "walker", [allow("sts:AssumeRole")]));
    const step = async (role: string) => {
      client = world.client(toCredentials(await assume(client, role)));
    };
    for (const role of roles.slice(0, 8)) await step(role);
    for (const role of [roles[3], roles[7], roles[0]]) await step(role ?? "");
    assert.equal(await refusal(assume(client, roles[8] ?? "")), "NoPermission");
    assert.equal(await refusal(client.call("GetCallerIdentity", {}, STS)), "no error");
  });

  test("a session outlasts rotations of the account's key and the root key, and ends with the version it is of", async () => {
    await using world = await StsWorld.start(database);
    const deployer = await Deployer.make(world);
    const before = await deployer.clients();
    for (const client of before) await client.call("ListKeys");
    const { keys, store } = world;
    const { accountId } = world.one;
    await store.run(async (transaction) => {
      await rotateAccountKey(transaction, { keys, accountId });
      return { result: undefined, event: "{}" };
    });
    // The node that has not heard of the new version comes first.
    for (const client of (await deployer.clients()).toReversed()) await client.call("ListKeys");
    for (const client of before) await client.call("ListKeys");

    const run = async (body: (transaction: ControlTransaction) => Promise<unknown>) =>
      store.run(async (transaction) => {
        await body(transaction);
        return { result: undefined, event: "{}" };
      });
    // Nothing may be left under the old version when it is destroyed, nor under the root key when that is replaced.
    const step = { keys, accountId, uses: accountKeyUses, rows: 1_000 };
    await run((transaction) => rewrapStep(transaction, step));
    const to = RootKey.generate();
    await run((transaction) => rotateRootKey(transaction, { keys, uses: accountKeyUses, from: world.rootKey, to }));
    const after = await deployer.clients();
    for (const client of [...before, ...after]) await client.call("ListKeys");
    await run((transaction) =>
      destroyAccountKeyVersion(transaction, { keys, uses: accountKeyUses, accountId, version: 1 }),
    );
    for (const client of before) assert.equal(await refusal(client.call("ListKeys")), EXPIRED);
    for (const client of after) await client.call("ListKeys");
  });

  test("what is wrong with a call is said by the published code", async () => {
    await using world = await StsWorld.start(database);
    const { user, roleArn } = await Deployer.make(world);
    const wrong: readonly (readonly [code: string, parameters: Readonly<Record<string, string>>])[] = [
      ["InvalidParameter.RoleArn", { RoleArn: "deployments" }],
      ["InvalidParameter.RoleArn", { RoleArn: `${roleArn}/more` }],
      ["InvalidParameter.RoleSessionName", { RoleSessionName: "a" }],
      ["InvalidParameter.RoleSessionName", { RoleSessionName: "a b" }],
      ["InvalidParameter.DurationSeconds", { DurationSeconds: "899" }],
      ["InvalidParameter.DurationSeconds", { DurationSeconds: "3601" }],
      ["InvalidParameter.ExternalId", { ExternalId: "x" }],
      ["InvalidParameter.ExternalId", { ExternalId: "a b" }],
      ["InvalidParameter.PolicyGrammar", { Policy: "{" }],
      ["InvalidParameter.PolicyGrammar", { Policy: '{"Version":"1"}' }],
      ["InvalidParameter.PolicySize", { Policy: policy([allow(`kms:${"x".repeat(2048)}`)]) }],
      ["MissingParameter", { RoleSessionName: "" }],
    ];
    for (const [code, parameters] of wrong) {
      assert.equal(await refusal(assume(user, roleArn, parameters)), code, JSON.stringify(parameters));
    }
    const saml = { RoleArn: roleArn, SAMLProviderArn: "acs:ram::1:saml-provider/x", SAMLAssertion: "PHNhbWw+" };
    assert.equal(await refusal(user.call("AssumeRoleWithSAML", saml, STS)), "UnsupportedOperation");
    const url = new URL(world.nodes[0]!.url);
    url.search = new URLSearchParams({ Action: "AssumeRoleWithSAML", Version: STS.version, ...saml }).toString();
    const unsigned = await fetch(url, { method: "POST" });
    assert.deepEqual(
      [unsigned.status, ((await unsigned.json()) as { Code: string }).Code],
      [400, "UnsupportedOperation"],
    );
  });
});
