import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemPolicies } from "@cinnabar/ram";
import { forEachDatabase } from "@cinnabar/testkit";
import { PolicyWorld } from "./support/policy-world.ts";

type Summary = Readonly<Record<string, unknown>>;

const allow = (action: string, resource = "*"): string =>
  JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: action, Resource: resource }] });

const custom = (name: string) => ({ PolicyName: name, PolicyType: "Custom" });

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  test("makes a policy, and shows it with what it says", async () => {
    const document = allow("kms:Encrypt");
    const made = await world.ok<{ Policy: Summary }>("CreatePolicy", {
      PolicyName: "encrypts",
      PolicyDocument: document,
      Description: "for tests",
    });
    const summary = {
      PolicyName: "encrypts",
      PolicyType: "Custom",
      Description: "for tests",
      DefaultVersion: "v1",
      CreateDate: "2026-01-02T03:04:05Z",
    };
    assert.deepEqual(made, { Policy: summary });
    assert.deepEqual(await world.ok("GetPolicy", custom("encrypts")), {
      Policy: { ...summary, UpdateDate: "2026-01-02T03:04:05Z", AttachmentCount: 0, PolicyDocument: document },
      DefaultPolicyVersion: {
        VersionId: "v1",
        IsDefaultVersion: true,
        PolicyDocument: document,
        CreateDate: "2026-01-02T03:04:05Z",
      },
    });
    assert.equal(
      await world.code("CreatePolicy", { PolicyName: "encrypts", PolicyDocument: document }),
      "EntityAlreadyExists.Policy",
    );
  });

  test("refuses a malformed policy with its place, what was found, and what is allowed", async () => {
    const document = JSON.stringify({
      Version: "1",
      Statement: [{ Effect: "Permit", Action: "kms:*", Resource: "*" }],
    });
    const message = await world.refusal("CreatePolicy", { PolicyName: "wrong", PolicyDocument: document });
    assert.match(message, /^MalformedPolicyDocument: .*\$\.Statement\[0\]\.Effect.*Permit.*Allow/);
    for (const wrong of [
      "",
      "{",
      "[]",
      '{"Version":"2","Statement":[]}',
      '{"Version":"1","Version":"1","Statement":[]}',
    ]) {
      const code = await world.code("CreatePolicy", { PolicyName: "wrong", PolicyDocument: wrong });
      assert.equal(code, wrong === "" ? "MissingParameter" : "MalformedPolicyDocument", wrong);
    }
    assert.equal(
      await world.code("CreatePolicy", { PolicyName: "wrong", PolicyDocument: allow("kms:*").padEnd(6145) }),
      "InvalidParameter.PolicyDocument.Length",
    );
    assert.equal(await world.code("GetPolicy", custom("wrong")), "EntityNotExist.Policy");
  });

  test("takes a document of 6144 characters, and names of the documented characters and lengths", async () => {
    const PolicyDocument = allow("kms:*");
    await world.ok("CreatePolicy", { PolicyName: "a".repeat(128), PolicyDocument: PolicyDocument.padEnd(6144) });
    const code = (PolicyName: string) => world.code("CreatePolicy", { PolicyName, PolicyDocument });
    assert.equal(await code("a".repeat(129)), "InvalidParameter.PolicyName.Length");
    for (const name of ["a b", "a_b", "a.b", "ä", "a/b"]) {
      assert.equal(await code(name), "InvalidParameter.PolicyName.InvalidChars", name);
    }
    assert.equal(
      await world.code("GetPolicy", { PolicyName: "encrypts", PolicyType: "custom" }),
      "InvalidParameter.PolicyType",
    );
  });

  test("keeps five versions, of which one is the default, and never gives a number twice", async () => {
    const PolicyName = "versions";
    await world.ok("CreatePolicy", { PolicyName, PolicyDocument: allow("kms:A1") });
    const add = (action: string, more: Readonly<Record<string, string>> = {}) =>
      world.ok<{ PolicyVersion: Summary }>("CreatePolicyVersion", {
        PolicyName,
        PolicyDocument: allow(action),
        ...more,
      });
    const list = async () => {
      const { PolicyVersions } = await world.ok<{
        PolicyVersions: { PolicyVersion: readonly { VersionId: string; IsDefaultVersion: boolean }[] };
      }>("ListPolicyVersions", custom(PolicyName));
      return PolicyVersions.PolicyVersion.map((version) => version.VersionId + (version.IsDefaultVersion ? "*" : ""));
    };
    assert.equal((await add("kms:A2")).PolicyVersion["IsDefaultVersion"], false);
    assert.equal((await add("kms:A3", { SetAsDefault: "true" })).PolicyVersion["IsDefaultVersion"], true);
    await add("kms:A4");
    await add("kms:A5");
    assert.deepEqual(await list(), ["v1", "v2", "v3*", "v4", "v5"]);
    assert.equal(
      await world.code("CreatePolicyVersion", { PolicyName, PolicyDocument: allow("kms:A6") }),
      "LimitExceeded.Policy.Version",
    );
    await add("kms:A6", { RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded" });
    assert.deepEqual(await list(), ["v2", "v3*", "v4", "v5", "v6"]);

    const version = (VersionId: string) => ({ PolicyName, VersionId });
    assert.equal(await world.code("DeletePolicyVersion", version("v3")), "DeleteConflict.Policy.Version.Default");
    assert.equal(await world.code("DeletePolicyVersion", version("v1")), "EntityNotExist.Policy.Version");
    assert.equal(await world.code("DeletePolicyVersion", version("6")), "InvalidParameter.VersionId.Format");
    await world.ok("DeletePolicyVersion", version("v6"));
    await add("kms:A7");
    assert.deepEqual(await list(), ["v2", "v3*", "v4", "v5", "v7"]);
    assert.equal(await world.code("SetDefaultPolicyVersion", version("v6")), "EntityNotExist.Policy.Version");
    await world.ok("SetDefaultPolicyVersion", version("v7"));
    assert.deepEqual(await list(), ["v2", "v3", "v4", "v5", "v7*"]);
    const { PolicyVersion } = await world.ok<{ PolicyVersion: Summary }>("GetPolicyVersion", {
      ...custom(PolicyName),
      VersionId: "v5",
    });
    assert.equal(PolicyVersion["PolicyDocument"], allow("kms:A5"));

    assert.equal(await world.code("DeletePolicy", { PolicyName }), "DeleteConflict.Policy.Version");
    await world.ok("DeletePolicy", { PolicyName, CascadingDelete: "true" });
    assert.equal(await world.code("ListPolicyVersions", custom(PolicyName)), "EntityNotExist.Policy");
  });

  test("changes a description, and nothing else", async () => {
    await world.ok("CreatePolicy", { PolicyName: "described", PolicyDocument: allow("kms:*") });
    world.now += 60_000;
    const { Policy } = await world.ok<{ Policy: Summary }>("UpdatePolicyDescription", {
      PolicyName: "described",
      NewDescription: "new",
    });
    assert.deepEqual([Policy["Description"], Policy["UpdateDate"]], ["new", "2026-01-02T03:05:05Z"]);
    assert.equal(
      await world.code("UpdatePolicyDescription", { PolicyName: "described", NewDescription: "x".repeat(1025) }),
      "InvalidParameter.Description.Length",
    );
  });

  test("has every system policy in the account, and lets nobody change one", async () => {
    for (const name of systemPolicies.keys()) {
      const { Policy } = await world.ok<{ Policy: Summary }>("GetPolicy", { PolicyName: name, PolicyType: "System" });
      assert.equal(Policy["PolicyType"], "System");
      assert.equal(await world.code("DeletePolicy", { PolicyName: name }), "EntityNotExist.Policy");
    }
    const { PolicyVersions } = await world.ok<{ PolicyVersions: { PolicyVersion: readonly Summary[] } }>(
      "ListPolicyVersions",
      { PolicyName: "AliyunKMSCryptoUserAccess", PolicyType: "System" },
    );
    assert.deepEqual(
      PolicyVersions.PolicyVersion.map((version) => version["VersionId"]),
      ["v2"],
    );
    const unknown = { PolicyName: "AliyunNothing", PolicyType: "System" };
    assert.equal(await world.code("GetPolicy", unknown), "EntityNotExist.Policy");
  });

  test("lists policies page by page, its own first, and by tag", async () => {
    await using own = await PolicyWorld.open(database);
    const PolicyDocument = allow("kms:*");
    const names = ["a", "b", "c", "d"];
    for (const PolicyName of names) {
      const Tag = JSON.stringify([{ Key: "team", Value: PolicyName < "c" ? "one" : "two" }, { Key: PolicyName }]);
      await own.ok("CreatePolicy", { PolicyName, PolicyDocument, Tag });
    }
    interface Page {
      readonly Policies: { readonly Policy: readonly { readonly PolicyName: string; readonly Tags: unknown }[] };
      readonly IsTruncated: boolean;
      readonly Marker?: string;
    }
    const listed: string[] = [];
    let page: Page | undefined;
    do {
      page = await own.ok<Page>("ListPolicies", {
        MaxItems: "3",
        ...(page?.Marker !== undefined && { Marker: page.Marker }),
      });
      assert.ok(page.Policies.Policy.length <= 3);
      listed.push(...page.Policies.Policy.map(({ PolicyName }) => PolicyName));
    } while (page.IsTruncated);
    assert.deepEqual(listed, [...names, ...systemPolicies.keys()]);

    const tagged = async (tags: readonly object[], more: Readonly<Record<string, string>> = {}) =>
      (await own.ok<Page>("ListPolicies", { Tag: JSON.stringify(tags), ...more })).Policies.Policy;
    assert.deepEqual(
      (await tagged([{ Key: "team", Value: "two" }])).map(({ PolicyName }) => PolicyName),
      ["c", "d"],
    );
    assert.deepEqual(await tagged([{ Key: "team", Value: "two" }, { Key: "d" }]), [
      {
        PolicyName: "d",
        PolicyType: "Custom",
        Description: "",
        DefaultVersion: "v1",
        CreateDate: "2026-01-02T03:04:05Z",
        UpdateDate: "2026-01-02T03:04:05Z",
        AttachmentCount: 0,
        Tags: {
          Tag: [
            { TagKey: "d", TagValue: "" },
            { TagKey: "team", TagValue: "two" },
          ],
        },
      },
    ]);
    assert.deepEqual(await tagged([{ Key: "none" }]), []);
    assert.deepEqual(await tagged([{ Key: "team" }], { PolicyType: "System" }), []);
    const { Policies } = await own.ok<Page>("ListPolicies", { PolicyType: "System", MaxItems: "1000" });
    assert.equal(Policies.Policy.length, systemPolicies.size);
    assert.equal(await own.code("ListPolicies", { MaxItems: "1001" }), "InvalidParameter");
    assert.equal(await own.code("ListPolicies", { Marker: "no" }), "InvalidParameter");
  });
});
