import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type AccountId, type Principal, rootPrincipal } from "@cinnabar/kernel";
import { forEachDatabase, PolicyAuthorizer } from "@cinnabar/testkit";
import { REGION, World } from "./world.ts";

const NOT_FOUND = "Forbidden.KeyNotFound: The specified Key is not found.";
const EVERYTHING = { Effect: "Allow", Action: "kms:*", Resource: "*" } as const;

type Statement = Readonly<Record<string, unknown>>;
type Wire = Readonly<Record<string, string>>;

interface ListedTags {
  readonly TagResources: { readonly TagResource: readonly { readonly ResourceId: string; readonly TagKey: string }[] };
  readonly NextToken: string;
}

interface ListedKeys {
  readonly Keys: { readonly Key: readonly { readonly KeyId: string; readonly KeyArn: string }[] };
  readonly TotalCount: number;
}

function policy(...statements: readonly Statement[]): string {
  return JSON.stringify({ Version: "1", Statement: statements.map((rest) => ({ Resource: ["*"], ...rest })) });
}

const allow = (principals: readonly string[], actions: readonly string[], rest: Statement = {}): Statement => ({
  Effect: "Allow",
  Principal: { RAM: principals },
  Action: actions,
  ...rest,
});
const deny = (...args: Parameters<typeof allow>): Statement => ({ ...allow(...args), Effect: "Deny" });

function user(accountId: AccountId, userName: string): Principal {
  const arn = `acs:ram::${accountId}:user/${userName}`;
  return { type: "ram-user", accountId, accessKeyId: "LTAI5tUser", arn, userId: `2${userName}`, userName };
}

forEachDatabase((database) => {
  let world: World;
  let authorizer: PolicyAuthorizer;
  let other: AccountId;
  before(async () => {
    world = await World.open(database);
    other = await world.addAccount();
  });
  after(() => world[Symbol.asyncDispose]());
  beforeEach(() => {
    authorizer = new PolicyAuthorizer();
    world.authorizer = authorizer;
  });

  const grant = ({ accountId }: Principal, name: string, ...statements: readonly Statement[]) =>
    authorizer.grant({ accountId, kind: "user", name }, ...statements);
  const arnOf = (KeyId: string) => `acs:kms:${REGION}:${world.accountId}:key/${KeyId}`;
  const policyOf = async (KeyId: string) => (await world.ok<{ Policy: string }>("GetKeyPolicy", { KeyId })).Policy;
  const createKeyOf = async (accountId: AccountId, wire: Wire) =>
    (await world.ok<{ KeyMetadata: { KeyId: string } }>("CreateKey", wire, { as: accountId })).KeyMetadata.KeyId;
  const codeOf = async (...call: Parameters<World["call"]>) => (await world.call(...call)).error?.code ?? "none";

  test("a key has the default policy until it is given another one, and that is told as it was given", async () => {
    const KeyId = await world.createKey();
    assert.deepEqual(JSON.parse(await policyOf(KeyId)), {
      Version: "1",
      Statement: [
        {
          Sid: "kms default key policy",
          Effect: "Allow",
          Principal: { RAM: [`acs:ram::${world.accountId}:*`] },
          Action: ["kms:*"],
          Resource: ["*"],
        },
      ],
    });
    const text = `${policy(allow([`acs:ram::${world.accountId}:user/bob`], ["kms:Encrypt"]))} \n`;
    const { noted } = await world.call("SetKeyPolicy", { KeyId, Policy: text, PolicyName: "default" });
    assert.deepEqual(noted, { keyId: KeyId, keyRevision: 1 });
    assert.equal(await policyOf(arnOf(KeyId)), text);
    // What changes nothing is no change: the revision says so.
    await world.ok("SetKeyPolicy", { KeyId, Policy: text });
    assert.deepEqual((await world.call("DescribeKey", { KeyId })).noted, { keyId: KeyId, keyRevision: 2 });
    const made = await world.createKey({ Policy: text });
    assert.equal(await policyOf(made), text);
  });

  test("what is no policy of a key is refused, and the answer says where and why", async () => {
    const KeyId = await world.createKey();
    const good = allow([`acs:ram::${world.accountId}:*`], ["kms:*"]);
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["not JSON", /InvalidParameter: .*"Policy".*\$/],
      [policy({ ...good, Action: ["ecs:RunInstances"] }), /InvalidParameter: .*\$\.Statement\[0\]\.Action/],
      [policy({ ...good, Resource: [arnOf(KeyId)] }), /InvalidParameter: .*\$\.Statement\[0\]\.Resource/],
      [policy({ Effect: "Allow", Action: ["kms:*"] }), /InvalidParameter: .*\$\.Statement\[0\].*Principal/],
      [policy(good).padEnd(32_769), /InvalidParameter: .*32769 bytes/],
      [policy(good).replace('"Version"', '"Version":"1","Version"'), /InvalidParameter: .*Version/],
    ];
    for (const [Policy, message] of wrong) {
      assert.match(await world.refusal("SetKeyPolicy", { KeyId, Policy }), message);
      assert.match(await world.refusal("CreateKey", { Policy }), message);
    }
    assert.match(await world.refusal("SetKeyPolicy", { KeyId, Policy: "" }), /^MissingParameter: /);
    const named = { KeyId, PolicyName: "other" };
    for (const operation of ["GetKeyPolicy", "SetKeyPolicy"]) {
      const code = await codeOf(operation, { ...named, Policy: policy(good) });
      assert.equal(code, "Forbidden.ResourceNotFound");
    }
    assert.equal(await codeOf("GetKeyPolicy", { KeyId: "alias/x" }), "Unsupported.Alias");
    assert.equal(await world.refusal("GetKeyPolicy", { KeyId: "none" }), NOT_FOUND);
  });

  test("within an account a RAM policy or the key policy suffices, and a Deny of either binds", async () => {
    const alice = user(world.accountId, "alice");
    const KeyId = await world.createKey();
    const encrypt = () => codeOf("Encrypt", { KeyId, Plaintext: "x" }, { by: alice });
    assert.equal(await encrypt(), "Forbidden.NoPermission");
    grant(alice, "alice", EVERYTHING);
    assert.equal(await encrypt(), "none");
    await world.ok("SetKeyPolicy", { KeyId, Policy: policy(deny([alice.arn], ["kms:Encrypt"])) });
    assert.equal(await encrypt(), "Forbidden.NoPermission");
    authorizer.revoke({ accountId: world.accountId, kind: "user", name: "alice" });
    await world.ok("SetKeyPolicy", { KeyId, Policy: policy(allow([alice.arn], ["kms:Encrypt"])) });
    assert.equal(await encrypt(), "none");
    assert.equal(await codeOf("DisableKey", { KeyId }, { by: alice }), "Forbidden.NoPermission");
  });

  test("a key's whole account as principal admits its root alone, and a Deny that names it binds the root too", async () => {
    const alice = user(world.accountId, "alice");
    for (const account of [`acs:ram::${world.accountId}:*`, `acs:ram::${world.accountId}:root`]) {
      const KeyId = await world.createKey({ Policy: policy(allow([account], ["kms:*"])) });
      assert.equal(await codeOf("DescribeKey", { KeyId }), "none");
      assert.equal(await codeOf("DescribeKey", { KeyId }, { by: alice }), "Forbidden.NoPermission");
      await world.ok("SetKeyPolicy", { KeyId, Policy: policy(deny([account], ["kms:Encrypt"])) });
      const { error } = await world.call("Encrypt", { KeyId, Plaintext: "x" });
      assert.equal(error?.code, "Forbidden.NoPermission");
      assert.match(error.message, /resource policy "default"/);
    }
  });

  test("tags of a key are conditions, and a change of them counts at once", async () => {
    const alice = user(world.accountId, "alice");
    const Condition = { StringEquals: { "kms:tag/team": "blue" } };
    grant(alice, "alice", { ...EVERYTHING, Condition });
    const KeyId = await world.createKey();
    const describe = () => codeOf("DescribeKey", { KeyId }, { by: alice });
    assert.equal(await describe(), "Forbidden.NoPermission");
    for (const [value, expected] of [
      ["blue", "none"],
      ["red", "Forbidden.NoPermission"],
    ] as const) {
      await world.ok("TagResource", { KeyId, Tags: JSON.stringify([{ TagKey: "team", TagValue: value }]) });
      assert.equal(await describe(), expected);
    }
  });

  test("a time that a condition names bounds how long the answer holds", async () => {
    const alice = user(world.accountId, "alice");
    const KeyId = await world.createKey();
    const end = new Date(world.now + 60_000).toISOString();
    const Condition = { DateLessThan: { "acs:CurrentTime": end } };
    await world.ok("SetKeyPolicy", { KeyId, Policy: policy(allow([alice.arn], ["kms:DescribeKey"], { Condition })) });
    const { error, until } = await world.call("DescribeKey", { KeyId }, { by: alice });
    assert.equal(error, undefined);
    assert.equal(until, Date.parse(end));
  });

  test("another account needs both, the key policy and its own, and else the key looks as if it did not exist", async () => {
    const isv = user(other, "isv");
    const KeyId = await world.createKey();
    const CiphertextBlob = await world.encrypt({ KeyId, Plaintext: "text" });
    const calls = [
      ["Encrypt", { KeyId: arnOf(KeyId), Plaintext: "text" }],
      ["GenerateDataKey", { KeyId: arnOf(KeyId) }],
      ["Decrypt", { CiphertextBlob }],
      ["GetKeyPolicy", { KeyId: arnOf(KeyId) }],
    ] as const;
    const missing: Readonly<Record<string, object>> = { Encrypt: { KeyId: arnOf("none"), Plaintext: "text" } };
    const outcome = async (name: string, parameters: object) => {
      const { error, noted, resource } = await world.call(name, { ...parameters }, { by: isv });
      return { error: error && `${error.code}: ${error.message}`, noted, resource };
    };
    const hidden = { error: NOT_FOUND, noted: {}, resource: undefined };
    const setPolicy = (Policy: string) => world.ok("SetKeyPolicy", { KeyId, Policy });
    const actions = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:GetKeyPolicy"];
    const assertHidden = async () => {
      for (const [name, parameters] of calls) assert.deepEqual(await outcome(name, parameters), hidden);
      assert.deepEqual(await outcome("Encrypt", missing["Encrypt"] ?? {}), hidden);
    };
    await assertHidden();
    grant(isv, "isv", EVERYTHING);
    await assertHidden();
    authorizer.revoke({ accountId: other, kind: "user", name: "isv" });
    await setPolicy(policy(allow([isv.arn], actions)));
    await assertHidden();

    for (const principal of [isv.arn, `acs:ram::${other}:*`, `acs:ram::${other}:root`]) {
      grant(isv, "isv", EVERYTHING);
      await setPolicy(policy(allow([principal], actions)));
      for (const [name, parameters] of calls) {
        const { error, noted, resource } = await outcome(name, parameters);
        assert.equal(error, undefined, name);
        assert.equal(resource, `ACS::KMS::Key ${KeyId}`);
        assert.deepEqual([noted["keyAccountId"], noted["keyId"]], [world.accountId, KeyId]);
      }
      // By its bare id it is looked for in the caller's own account.
      assert.deepEqual(await outcome("Encrypt", { KeyId, Plaintext: "text" }), hidden);
      authorizer.revoke({ accountId: other, kind: "user", name: "isv" });
      await assertHidden();
    }
    // Its root has all that its account may do, and needs no policy of its own.
    const asRoot = { by: rootPrincipal({ accountId: other, accessKeyId: "LTAI5tRoot" }) };
    assert.equal(await codeOf("Decrypt", { CiphertextBlob }, asRoot), "none");
    await setPolicy(policy(allow([isv.arn], actions)));
    assert.equal(await codeOf("Decrypt", { CiphertextBlob }, asRoot), "Forbidden.KeyNotFound");
  });

  test("ReEncrypt needs the right to take from the one key and to give to the other", async () => {
    const alice = user(world.accountId, "alice");
    const [from, to] = [await world.createKey(), await world.createKey()];
    const CiphertextBlob = await world.encrypt({ KeyId: from, Plaintext: "text" });
    const reEncrypt = () => codeOf("ReEncrypt", { CiphertextBlob, DestinationKeyId: to }, { by: alice });
    const rights = [
      { ...EVERYTHING, Action: "kms:ReEncryptFrom", Resource: arnOf(from) },
      { ...EVERYTHING, Action: "kms:ReEncryptTo", Resource: arnOf(to) },
    ];
    for (const right of rights) {
      authorizer.revoke({ accountId: world.accountId, kind: "user", name: "alice" });
      grant(alice, "alice", right, { ...EVERYTHING, Action: "kms:ReEncrypt" });
      assert.equal(await reEncrypt(), "Forbidden.NoPermission");
    }
    grant(alice, "alice", ...rights);
    assert.equal(await reEncrypt(), "none");
    const source = await world.createKey({ Policy: policy(allow([`acs:ram::${other}:root`], ["kms:ReEncryptFrom"])) });
    const theirs = await world.encrypt({ KeyId: source, Plaintext: "text" });
    const own = await world.ok<{ KeyMetadata: { KeyId: string } }>("CreateKey", {}, { as: other });
    const { error, noted } = await world.call(
      "ReEncrypt",
      { CiphertextBlob: theirs, DestinationKeyId: own.KeyMetadata.KeyId },
      { as: other },
    );
    assert.equal(error, undefined);
    const { sourceKeyAccountId, sourceKeyId, keyAccountId, keyId } = noted;
    assert.deepEqual([sourceKeyAccountId, sourceKeyId], [world.accountId, source]);
    assert.deepEqual([keyAccountId, keyId], [undefined, own.KeyMetadata.KeyId]);
  });

  test("an alias is made, moved and deleted by who may do it to the alias and to every key concerned", async () => {
    const alice = user(world.accountId, "alice");
    const [one, two] = [await world.createKey(), await world.createKey()];
    const AliasName = `alias/${one}`;
    const onAlias = `acs:kms:${REGION}:${world.accountId}:${AliasName}`;
    const steps = [
      ["CreateAlias", { AliasName, KeyId: one }, [onAlias, arnOf(one)]],
      ["UpdateAlias", { AliasName, KeyId: two }, [onAlias, arnOf(one), arnOf(two)]],
      ["DeleteAlias", { AliasName }, [onAlias, arnOf(two)]],
    ] as const;
    for (const [name, parameters, resources] of steps) {
      const Action = `kms:${name}`;
      for (const missing of resources) {
        authorizer.revoke({ accountId: world.accountId, kind: "user", name: "alice" });
        const Resource = resources.filter((resource) => resource !== missing);
        grant(alice, "alice", { Effect: "Allow", Action, Resource });
        assert.equal(await codeOf(name, parameters, { by: alice }), "Forbidden.NoPermission", `${name} ${missing}`);
      }
      grant(alice, "alice", { Effect: "Allow", Action, Resource: resources });
      assert.equal(await codeOf(name, parameters, { by: alice }), "none", name);
    }
  });

  test("a policy after which perhaps nobody could manage the key is refused unless that is confirmed", async () => {
    const alice = user(world.accountId, "alice");
    const root = `acs:ram::${world.accountId}:root`;
    const CODE = "Rejected.PolicyLockout";
    const KeyId = await world.createKey({ Policy: policy(allow([alice.arn], ["kms:SetKeyPolicy"])) });
    const set = (statements: readonly Statement[], rest: object = {}, by?: Principal) =>
      codeOf("SetKeyPolicy", { KeyId, Policy: policy(...statements), ...rest }, by === undefined ? {} : { by });
    const lockedOut = deny([root], ["kms:Set*"]);
    const soon = { Condition: { DateGreaterThan: { "acs:CurrentTime": "2099-01-01T00:00:00Z" } } };
    assert.equal(await set([lockedOut]), CODE);
    assert.equal(await set([deny([`acs:ram::${world.accountId}:*`], ["kms:*"], soon)]), CODE);
    assert.equal(await set([lockedOut], { ConfirmLockout: "false" }), CODE);
    assert.equal(await codeOf("CreateKey", { Policy: policy(lockedOut) }), CODE);
    // A Deny of the whole account binds whoever is in it: the one that it leaves out must be the caller.
    assert.equal(await set([lockedOut, allow([alice.arn], ["kms:SetKeyPolicy"])], {}, alice), CODE);
    const butAlice = { Condition: { StringNotEquals: { "acs:PrincipalARN": alice.arn } } };
    const hers = [deny([root], ["kms:Set*"], butAlice), allow([alice.arn], ["kms:SetKeyPolicy"])];
    assert.equal(await set(hers), CODE);
    assert.equal(await set(hers, {}, alice), "none");
    assert.equal(await set([lockedOut]), "Forbidden.NoPermission");
    assert.equal(await set([allow([alice.arn], ["kms:SetKeyPolicy"])], {}, alice), "none");
    assert.equal(await set([deny([root], ["kms:Encrypt", "kms:Decrypt"])]), "none");
    assert.equal(await set([lockedOut], { ConfirmLockout: "true" }), "none");
    assert.equal(await set([allow([root], ["kms:*"])]), "Forbidden.NoPermission");
  });

  test("whether somebody can manage the key must not depend on its tags, which change", async () => {
    const alice = user(world.accountId, "alice");
    const root = `acs:ram::${world.accountId}:root`;
    const Tags = JSON.stringify([{ TagKey: "env", TagValue: "prod" }]);
    const KeyId = await world.createKey({ Tags });
    for (const name of ["kms:tag/env", "acs:ResourceTag/env"]) {
      for (const value of ["prod", "test"]) {
        for (const operator of ["StringEquals", "StringNotEquals"]) {
          const tagged = { Condition: { [operator]: { [name]: value } } };
          const Policy = policy(deny([root], ["kms:*"], tagged));
          const said = `${operator} ${name} ${value}`;
          assert.equal(await codeOf("SetKeyPolicy", { KeyId, Policy }), "Rejected.PolicyLockout", said);
          assert.equal(await codeOf("CreateKey", { Policy, Tags }), "Rejected.PolicyLockout", said);
          assert.equal(await codeOf("CreateKey", { Policy }), "Rejected.PolicyLockout", said);
        }
      }
    }
    // What allows it to the caller in the root's stead must do so whatever the tags, too.
    const prod = { Condition: { StringEquals: { "kms:tag/env": "prod" } } };
    const butAlice = { Condition: { StringNotEquals: { "acs:PrincipalARN": alice.arn } } };
    const lockedOut = deny([root], ["kms:SetKeyPolicy"], butAlice);
    grant(alice, "alice", EVERYTHING);
    const set = (...statements: readonly Statement[]) =>
      codeOf("SetKeyPolicy", { KeyId, Policy: policy(...statements) }, { by: alice });
    assert.equal(await set(lockedOut, allow([alice.arn], ["kms:*"], prod)), "Rejected.PolicyLockout");
    assert.equal(await set(deny([root], ["kms:Encrypt"], prod)), "none");
    assert.equal(await set(lockedOut, allow([alice.arn], ["kms:*"])), "none");
  });

  test("whom tagging a key is denied, it is denied by either name", async () => {
    const alice = user(world.accountId, "alice");
    grant(alice, "alice", EVERYTHING);
    const tag = { RegionId: REGION, ResourceType: "key", "Tag.1.Key": "a", "Tag.1.Value": "b" };
    const untag = { RegionId: REGION, ResourceType: "key", "TagKey.1": "a" };
    for (const [operation, parameters] of [
      ["TagResource", tag],
      ["UntagResource", untag],
    ] as const) {
      const open = await world.createKey();
      for (const denied of [`kms:${operation}`, `kms:${operation}s`]) {
        const KeyId = await world.createKey({ Policy: policy(deny([alice.arn], [denied])) });
        const many = { ...parameters, "ResourceId.1": open, "ResourceId.2": KeyId };
        assert.equal(await codeOf(`${operation}s`, many, { by: alice }), "Forbidden.NoPermission", denied);
      }
      const many = { ...parameters, "ResourceId.1": open };
      assert.equal(await codeOf(`${operation}s`, many, { by: alice }), "none");
    }
  });

  test("the tags of all keys are for who may list them of everything, by tag or by key", async () => {
    const alice = user(world.accountId, "alice");
    const list = { RegionId: REGION, ResourceType: "key" };
    const byTag = (Key: string) => ({ Filters: JSON.stringify([{ Key, Values: ["x"] }]) });
    const calls = [
      ["ListTagResources", list],
      ["ListTagResources", { ...list, ResourceType: "secret" }],
      ["ListKeys", byTag("TagKey")],
      ["ListKeys", byTag("TagValue")],
    ] as const;
    const keys = `acs:kms:${REGION}:${world.accountId}:key`;
    grant(alice, "alice", { ...EVERYTHING, Resource: [keys, `${keys}/*`] });
    for (const [name, parameters] of calls) {
      assert.equal(await codeOf(name, parameters, { by: alice }), "Forbidden.NoPermission", name);
    }
    // Of keys that it names, and where tags do not matter, it needs no more than it has.
    const KeyId = await world.createKey();
    assert.equal(await codeOf("ListTagResources", { ...list, "ResourceId.1": KeyId }, { by: alice }), "none");
    assert.equal(await codeOf("ListKeys", byTag("keyId"), { by: alice }), "none");
    assert.equal(await codeOf("ListKeys", { Filters: '[{"Key":"TagKey","Values":[]}]' }, { by: alice }), "none");
    grant(alice, "alice", { ...EVERYTHING, Action: "kms:ListTagResources" });
    for (const [name, parameters] of calls) assert.equal(await codeOf(name, parameters, { by: alice }), "none", name);
  });

  test("a list of many keys tells no tags that are denied about one of them", async () => {
    const accountId = await world.addAccount();
    const alice = user(accountId, "alice");
    const root = `acs:ram::${accountId}:*`;
    const tagged = (team: string, rest: Wire = {}) =>
      createKeyOf(accountId, { Tags: JSON.stringify([{ TagKey: "team", TagValue: team }]), ...rest });
    const denyListing = (principal: string) => ({ Policy: policy(deny([principal], ["kms:ListTagResources"])) });
    const keys = {
      open: await tagged("red"),
      deniedByArn: await tagged("red"),
      deniedByTag: await tagged("secret"),
      deniedByKey: await tagged("red", denyListing(alice.arn ?? "")),
      deniedToAll: await tagged("red", denyListing(root)),
    };
    const denied = (rest: Statement) => ({ Effect: "Deny", Action: "kms:*", Resource: "*", ...rest });
    grant(
      alice,
      "alice",
      EVERYTHING,
      denied({ Resource: `acs:kms:${REGION}:${accountId}:key/${keys.deniedByArn}` }),
      denied({ Condition: { StringEquals: { "kms:tag/team": "secret" } } }),
    );
    const list = { RegionId: REGION, ResourceType: "key" };
    const listed = async (wire: Wire, caller: object) => {
      const { TagResources } = await world.ok<ListedTags>("ListTagResources", { ...list, ...wire }, caller);
      return TagResources.TagResource.map(({ ResourceId }) => ResourceId).toSorted();
    };
    const byTag = async (Key: string, Values: readonly string[], caller: object, page = {}) => {
      const Filters = JSON.stringify([{ Key, Values }]);
      const { Keys, TotalCount } = await world.ok<ListedKeys>("ListKeys", { Filters, ...page }, caller);
      const ids = Keys.Key.map(({ KeyId, KeyArn }) => {
        assert.equal(KeyArn, `acs:kms:${REGION}:${accountId}:key/${KeyId}`);
        return KeyId;
      });
      return { ids, TotalCount };
    };
    const seen = [keys.open, keys.deniedByArn, keys.deniedByTag, keys.deniedByKey];
    for (const [caller, expected] of [
      [{ by: alice }, [keys.open]],
      [{ as: accountId }, seen],
    ] as const) {
      assert.deepEqual(await listed({}, caller), expected.toSorted());
      const { ids, TotalCount } = await byTag("TagKey", ["team"], caller);
      assert.deepEqual([ids.toSorted(), TotalCount], [expected.toSorted(), expected.length]);
      const second = { PageNumber: "2", PageSize: "1" };
      assert.deepEqual(await byTag("TagKey", ["team"], caller, second), { ids: ids.slice(1, 2), TotalCount });
    }
    assert.deepEqual(await listed({ "Tag.1.Key": "team", "Tag.1.Value": "secret" }, { by: alice }), []);
    assert.deepEqual(await byTag("TagValue", ["secret"], { by: alice }), { ids: [], TotalCount: 0 });
    // A list that says nothing of tags is whole.
    assert.equal((await byTag("KeyState", ["Enabled"], { by: alice })).TotalCount, 5);
    // Who names such a key is refused as ever.
    const named = { ...list, "ResourceId.1": keys.deniedByArn };
    assert.equal((await world.call("ListTagResources", named, { by: alice })).error?.code, "Forbidden.NoPermission");
  });

  test("pages of tags are full though some are not told, and no token names a key that is denied", async () => {
    const accountId = await world.addAccount();
    const alice = user(accountId, "alice");
    const Tags = JSON.stringify(Array.from({ length: 20 }, (_, i) => ({ TagKey: `k${i}`, TagValue: "v" })));
    const [open, hidden] = [new Set<string>(), new Set<string>()];
    for (let i = 0; i < 11; i++) {
      open.add(await createKeyOf(accountId, { Tags }));
      hidden.add(await createKeyOf(accountId, { Tags }));
    }
    const Resource = [...hidden].map((id) => `acs:kms:${REGION}:${accountId}:key/${id}`);
    const deniedKeys = { Effect: "Deny", Action: "kms:ListTagResources", Resource };
    grant(alice, "alice", EVERYTHING, deniedKeys);
    const told: string[] = [];
    const sizes: number[] = [];
    let NextToken = "";
    do {
      const wire = { RegionId: REGION, ResourceType: "key", ...(NextToken !== "" && { NextToken }) };
      const page = await world.ok<ListedTags>("ListTagResources", wire, { by: alice });
      ({ NextToken } = page);
      const [keyId = ""] = Buffer.from(NextToken, "base64url").toString().split("/");
      assert.ok(!hidden.has(keyId));
      sizes.push(page.TagResources.TagResource.length);
      told.push(...page.TagResources.TagResource.map(({ ResourceId, TagKey }) => `${ResourceId} ${TagKey}`));
    } while (NextToken !== "");
    assert.deepEqual(sizes, [200, 20]);
    assert.equal(new Set(told).size, 220);
    assert.deepEqual(new Set(told.map((line) => line.split(" ")[0])), open);
  });

  test("a policy that was changed in the store is found out when the key is used", async () => {
    const KeyId = await world.createKey();
    const open = policy(allow([`acs:ram::${other}:root`], ["kms:*"]));
    await world.tamper((db) => db.updateTable("kms_key").set({ policy: open }).where("id", "=", KeyId).execute());
    await assert.rejects(world.call("DescribeKey", { KeyId }), { name: "TamperedRowError" });
  });
});
