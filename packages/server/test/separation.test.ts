import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "@cinnabar/client";
import { forEachDatabase } from "@cinnabar/testkit";
import { allow, policy, RAM, refusal, StsWorld } from "./support/sts-world.ts";

interface Warned {
  readonly Warnings?: { readonly Warning: readonly { readonly Principal: string; readonly KeyId: string }[] };
}

const CODE = "Rejected.SeparationOfDuties";

forEachDatabase((database) => {
  test("policies of keys and policies in RAM are looked at together, on every node", async () => {
    await using world = await StsWorld.start(database);
    const { accountId, credentials } = world.one;
    const root = world.client(credentials);
    await world.createUser(world.one, "ann", [allow("kms:Encrypt")]);
    await world.createUser(world.one, "ben", [allow("kms:DescribeKey")]);
    const told = ({ Warnings }: Warned) =>
      (Warnings?.Warning ?? []).map(
        ({ Principal, KeyId }) => `${Principal.slice(Principal.indexOf("/") + 1)} ${KeyId}`,
      );
    const statement = (name: string, Action: string) => {
      return {
        Effect: "Allow",
        Principal: { RAM: [`acs:ram::${accountId}:${name}`] },
        Action: [Action],
        Resource: ["*"],
      };
    };
    const open = (user: string, action: string) => policy([statement("*", "kms:*"), statement(`user/${user}`, action)]);

    const made = await root.call("CreateKey", { Policy: open("ann", "kms:DisableKey") });
    const { KeyId } = made["KeyMetadata"] as { readonly KeyId: string };
    assert.deepEqual(told(made), [`ann ${KeyId}`]);
    assert.deepEqual(told(await root.call("SetKeyPolicy", { KeyId, Policy: open("ben", "kms:DisableKey") })), []);
    const back = await root.call("SetKeyPolicy", { KeyId, Policy: open("ann", "kms:ScheduleKeyDeletion") });
    assert.deepEqual(told(back), [`ann ${KeyId}`]);

    // Written so that the name is found only by reading what the document means.
    const escaped = open("ben", "kms:DisableKey").replace("user/ben", String.raw`user/\u0062en`);
    await root.call("SetKeyPolicy", { KeyId, Policy: escaped });
    await root.call("CreatePolicy", { PolicyName: "use", PolicyDocument: policy([allow("kms:Decrypt")]) }, RAM);
    const attach = { UserName: "ben", PolicyType: "Custom", PolicyName: "use" };
    await root.call("SetSeparationOfDuties", { SeparationOfDuties: "enforce" }, RAM);
    for (const [index] of world.nodes.entries()) {
      const node = world.client(credentials, index);
      assert.equal(await refusal(node.call("AttachPolicyToUser", attach, RAM)), CODE);
      const both = open("ann", "kms:DisableKey");
      assert.equal(await refusal(node.call("SetKeyPolicy", { KeyId, Policy: both })), CODE);
      assert.equal(await refusal(node.call("CreateKey", { Policy: both })), CODE);
    }
    await root.call("SetSeparationOfDuties", { SeparationOfDuties: "warn" }, RAM);
    assert.deepEqual(told(await root.call("AttachPolicyToUser", attach, RAM)), [`ben ${KeyId}`]);

    // Of an account that may assume a role as a whole, whom the key's policy names.
    const other = `acs:ram::${world.other.accountId}`;
    const toVic = { ...statement("*", "kms:Encrypt"), Principal: { RAM: [`${other}:user/vic`] } };
    await root.call("SetKeyPolicy", { KeyId, Policy: policy([statement("*", "kms:*"), toVic]) });
    const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: [`${other}:root`] } };
    await root.call("CreateRole", { RoleName: "keeper", AssumeRolePolicyDocument: policy([trust]) }, RAM);
    await root.call("CreatePolicy", { PolicyName: "keep", PolicyDocument: policy([allow("kms:DisableKey")]) }, RAM);
    const keep = { RoleName: "keeper", PolicyType: "Custom", PolicyName: "keep" };
    assert.deepEqual(told(await root.call("AttachPolicyToRole", keep, RAM)), [`vic ${KeyId}`]);
    for (const [index] of world.nodes.entries()) {
      const node = world.client(credentials, index);
      const { Principals } = await node.call("ListPrincipalsWithBothRights", { AuthResource: KeyId }, RAM);
      const { Principal } = Principals as { readonly Principal: readonly { readonly Arn: string }[] };
      assert.deepEqual(
        Principal.map(({ Arn }) => Arn),
        [`${other}:user/vic`],
      );
    }
  });

  // SQLite is written by one node.
  if (database.name === "sqlite") return;
  test("of two changes at once that each give one half, on two nodes, exactly one is refused", async () => {
    await using world = await StsWorld.start(database);
    const { accountId, credentials } = world.one;
    const [here, there] = [world.client(credentials, 0), world.client(credentials, 1)];
    const custom = (PolicyName: string) => ({ PolicyType: "Custom", PolicyName });
    await here.call("CreatePolicy", { PolicyName: "use", PolicyDocument: policy([allow("kms:Encrypt")]) }, RAM);
    await here.call("CreatePolicy", { PolicyName: "manage", PolicyDocument: policy([allow("kms:DisableKey")]) }, RAM);
    await here.call("SetSeparationOfDuties", { SeparationOfDuties: "enforce" }, RAM);
    const { KeyMetadata } = await here.call("CreateKey");
    const { KeyId } = KeyMetadata as { readonly KeyId: string };
    const manages = (user: string) =>
      policy([
        { Effect: "Allow", Principal: { RAM: [`acs:ram::${accountId}:*`] }, Action: ["kms:*"], Resource: ["*"] },
        {
          Effect: "Allow",
          Principal: { RAM: [`acs:ram::${accountId}:user/${user}`] },
          Action: ["kms:DisableKey"],
          Resource: ["*"],
        },
      ]);
    const others: readonly ((user: string) => Promise<unknown>)[] = [
      (user) => there.call("AttachPolicyToUser", { UserName: user, ...custom("manage") }, RAM),
      (user) => there.call("AddUserToGroup", { UserName: user, GroupName: "managers" }, RAM),
      (user) => there.call("SetKeyPolicy", { KeyId, Policy: manages(user) }),
      (user) => there.call("CreateKey", { Policy: manages(user) }),
    ];
    await here.call("CreateGroup", { GroupName: "managers" }, RAM);
    await here.call("AttachPolicyToGroup", { GroupName: "managers", ...custom("manage") }, RAM);
    for (const [index, manage] of others.entries()) {
      for (let round = 0; round < ROUNDS; round++) {
        const user = `user-${index}-${round}`;
        await here.call("CreateUser", { UserName: user }, RAM);
        const use = here.call("AttachPolicyToUser", { UserName: user, ...custom("use") }, RAM);
        const answers = await Promise.all([use, manage(user)].map((call) => call.then(() => "done", codeOf)));
        assert.deepEqual(answers.toSorted(), [CODE, "done"], user);
      }
    }
  });
});

/** Times that two changes meet. */
const ROUNDS = 4;

function codeOf(error: unknown): string {
  if (error instanceof ServiceError) return error.code;
  throw error;
}
