import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type EntityKind, TamperedRowError } from "@cinnabar/kernel";
import { forEachDatabase } from "@cinnabar/testkit";
import { accountKind } from "../src/account.ts";
import { attachmentsId, attachmentsKind } from "../src/attachment/attachment-repository.ts";
import { policyEntityId, policyKind } from "../src/policy/policy-repository.ts";
import { findRole, roleKind } from "../src/role/role-repository.ts";
import { userKind } from "../src/user/user-repository.ts";
import { PolicyWorld } from "./support/policy-world.ts";

const ALLOW = { Effect: "Allow", Action: "kms:*", Resource: "*" };
const document = (statement: object): string => JSON.stringify({ Version: "1", Statement: [statement] });

// Whoever owns a database can have its operators, views and indexes give rows that were not asked for, without changing one
// that a sweep would read.
forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  /** A reader of a database to which all rows of a table are what is looked for. */
  const reader = () => ({
    guard: world.guard,
    db: world.db.withPlugin({
      transformQuery({ node }) {
        if (node.kind !== "SelectQueryNode") return node;
        const { where: _, ...everything } = node;
        return everything;
      },
      transformResult: ({ result }) => Promise.resolve(result),
    }),
  });

  async function assertTold<E extends object>(kind: EntityKind<E>, ids: readonly string[]): Promise<void> {
    for (const id of ids) assert.ok(await kind.load(world.context(), id), `${kind.name} ${id} is there`);
    // The first row in the table is that of one of them.
    await assert.rejects(Promise.all(ids.map((id) => kind.load(reader(), id))), TamperedRowError, kind.name);
  }

  test("rows of others, whole as they were written, are not taken for what was asked for", async () => {
    const { accountId } = world;
    const names = ["alice", "mallory"];
    const users = await world.addUsers(names);
    for (const [i, PolicyName] of ["much", "little"].entries()) {
      await world.ok("CreatePolicy", { PolicyName, PolicyDocument: document(ALLOW) });
      const policy = { PolicyType: "Custom", PolicyName };
      await world.ok("AttachPolicyToUser", { UserName: names[i] ?? "", ...policy });
      const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: [`acs:ram::${accountId}:root`] } };
      await world.ok("CreateRole", { RoleName: PolicyName, AssumeRolePolicyDocument: document(trust) });
    }
    const roles = await Promise.all(
      ["much", "little"].map(async (name) => findRole(world.context(), { accountId, name })),
    );
    const { accountId: other } = await world.addAccount();

    await assertTold(accountKind, [accountId, other]);
    await assertTold(
      userKind,
      users.map(({ userId }) => userId),
    );
    await assertTold(
      attachmentsKind,
      users.map(({ userId }) => attachmentsId("user", userId)),
    );
    await assertTold(
      policyKind,
      ["much", "little"].map((name) => policyEntityId({ accountId, name })),
    );
    await assertTold(
      roleKind,
      roles.map((role) => role?.roleId ?? ""),
    );
  });

  test("a user does not join the groups of another", async () => {
    const [member, outsider] = await world.addUsers(["member", "outsider"]);
    assert.ok(member !== undefined && outsider !== undefined);
    await world.join(member, await world.addGroup("joined"));
    const onlyMemberships = reader().db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: ({ result }) =>
        Promise.resolve({
          ...result,
          rows: result.rows.filter(({ id }) => id === undefined || id === outsider.userId),
        }),
    });
    await assert.rejects(async () => userKind.load({ ...reader(), db: onlyMemberships }, outsider.userId), {
      name: "TamperedRowError",
      table: "ram_group_member",
    });
  });
});
