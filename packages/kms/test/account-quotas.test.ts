import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AccountId, type InstanceId, newInstanceId, rootOnly, rootPrincipal } from "@cinnabar/kernel";
import type { AccountQuotas } from "@cinnabar/kms";
import { forEachDatabase } from "@cinnabar/testkit";
import * as fc from "fast-check";
import { DEFAULT_QUOTAS } from "../src/instance/instances.ts";
import { insertInstance } from "../src/instance/instance-repository.ts";
import { DAY_MILLIS, declared, operations, operationsWithin, type Outcome, World } from "./world.ts";

const QUOTAS = { keys: 3, aliases: 3, versions: 5 };
const FULL = "Rejected.LimitExceeded: The request was rejected because user create resource limit was exceeded.";
const NO_KEY = `${FULL} The account may have 3 keys outside of instances; one that waits for its deletion counts until then.`;
const NO_ALIAS = `${FULL} The account may have 3 aliases.`;
const NO_VERSION = `${FULL} The account's keys outside of instances may have 5 versions together; those of a key that waits for its deletion count until then.`;
const WEEKLY = { EnableAutomaticRotation: "true", RotationInterval: "7d" };

type Wire = Readonly<Record<string, string>>;

test("only a quota of keys or versions has keys made under the lock", () => {
  const kind = (quotas: AccountQuotas) => declared("CreateKey", operationsWithin(quotas)).kind;
  assert.equal(declared("CreateKey", operations).kind, "create");
  assert.equal(kind({ aliases: 1 }), "create");
  assert.equal(kind({ keys: 1 }), "control");
  assert.equal(kind({ versions: 1 }), "control");
  for (const name of ["EnableDefaultKey", "CreateAlias", "CreateKeyVersion", "UpdateRotationPolicy"]) {
    assert.equal(declared(name).kind, "control");
  }
});

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database, { operations: operationsWithin(QUOTAS) });
  });
  after(() => world[Symbol.asyncDispose]());

  test("an account has as many keys as its quota says, and room comes back with a deletion", async () => {
    const [account, other] = [await Account.open(world), await Account.open(world)];
    const doomed = await account.createKey();
    await account.createKey({ Origin: "EXTERNAL" });
    await account.ok("EnableDefaultKey");
    for (const wire of [{}, { Origin: "EXTERNAL" }, { KeySpec: "EC_P256" }]) {
      assert.equal(await account.refusal("CreateKey", wire), NO_KEY);
    }
    assert.equal((await account.call("CreateKey")).until, Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < QUOTAS.keys; i++) await other.createKey();
    assert.equal(await other.refusal("EnableDefaultKey"), NO_KEY);

    await account.ok("ScheduleKeyDeletion", { KeyId: doomed, PendingWindowInDays: "7" });
    const refused = await account.call("CreateKey");
    assert.equal(refused.error?.code, "Rejected.LimitExceeded");
    assert.ok(refused.until > world.now && refused.until <= world.now + 7 * DAY_MILLIS);
    world.now = refused.until;
    await account.createKey();
    assert.equal(await account.refusal("CreateKey"), NO_KEY);
  });

  test("what a service makes for an account counts nowhere", async () => {
    const account = await Account.open(world);
    await makeServiceKey(world, account.id, "oss");
    const [KeyId] = [await account.createKey(), await account.createKey(), await account.createKey()];
    await makeServiceKey(world, account.id, "ecs");
    for (const name of ["a", "b", "c"]) await account.ok("CreateAlias", { AliasName: `alias/${name}`, KeyId });
    assert.equal(await account.refusal("CreateAlias", { AliasName: "alias/d", KeyId }), NO_ALIAS);
    await makeServiceKey(world, account.id, "rds");
    for (let i = QUOTAS.keys; i < QUOTAS.versions; i++) await account.ok("CreateKeyVersion", { KeyId });
    assert.equal(await account.refusal("CreateKeyVersion", { KeyId }), NO_VERSION);
  });

  test("a rotation that is due takes a place, a policy does not", async () => {
    const account = await Account.open(world);
    const [one, other] = [await account.createKey(), await account.createKey()];
    for (let i = 2; i < QUOTAS.versions; i++) await account.ok("CreateKeyVersion", { KeyId: one });
    assert.equal(await account.refusal("CreateKey"), NO_VERSION);
    world.now += 8 * DAY_MILLIS;
    assert.equal(await account.refusal("UpdateRotationPolicy", { KeyId: other, ...WEEKLY }), NO_VERSION);
    await account.ok("UpdateRotationPolicy", { KeyId: other, ...WEEKLY, RotationInterval: "30d" });
    await account.ok("ScheduleKeyDeletion", { KeyId: one, PendingWindowInDays: "7" });
    assert.equal(await account.refusal("UpdateRotationPolicy", { KeyId: other, ...WEEKLY }), NO_VERSION);
    world.now += 7 * DAY_MILLIS;
    await account.ok("UpdateRotationPolicy", { KeyId: other, ...WEEKLY });
  });

  test("the name of an alias whose key is gone is free, and one that is taken is told to be", async () => {
    const account = await Account.open(world);
    const [gone, stays] = [await account.createKey(), await account.createKey()];
    const create = (name: string, KeyId = stays) => ["CreateAlias", { AliasName: `alias/${name}`, KeyId }] as const;
    await account.ok(...create("a", gone));
    await account.ok(...create("b"));
    await account.ok(...create("c"));
    await account.ok("ScheduleKeyDeletion", { KeyId: gone, PendingWindowInDays: "7" });
    world.now = (await account.call(...create("d"))).until;
    await account.ok(...create("a"));
    assert.equal(await account.refusal(...create("d")), NO_ALIAS);
    assert.match(await account.refusal(...create("a")), /^AliasAlreadyExists/);
    await account.ok("UpdateAlias", { AliasName: "alias/a", KeyId: await account.createKey() });
    await account.ok("DeleteAlias", { AliasName: "alias/b" });
    await account.ok(...create("d"));
  });

  test("quotas that are less than what is there take nothing away", async () => {
    const account = await Account.open(world);
    await account.createUnbounded(2 * QUOTAS.versions);
    const { Keys } = await account.ok<{ Keys: { Key: readonly { KeyId: string }[] } }>("ListKeys");
    assert.equal(Keys.Key.length, 2 * QUOTAS.versions);
    assert.equal(await account.refusal("CreateKey"), NO_KEY);
    for (const { KeyId } of Keys.Key) await account.ok("Encrypt", { KeyId, Plaintext: "text" });
  });

  test("whatever an account does, it is refused exactly what would be one too many", async () => {
    const nth = fc.nat({ max: 5 });
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant("CreateKey" as const), isElsewhere: fc.boolean() }) },
      {
        weight: 7,
        arbitrary: fc.record({
          do: fc.constantFrom(
            "CreateKeyVersion" as const,
            "CreateAlias" as const,
            "DeleteAlias" as const,
            "ScheduleKeyDeletion" as const,
            "CancelKeyDeletion" as const,
          ),
          nth,
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("travel" as const), days: fc.integer({ min: 1, max: 9 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 12, maxLength: 20 }), async (actions) => {
        const account = await Account.open(world);
        const DKMSInstanceId = await addInstance(world, account.id);
        const model = new AccountModel();
        const attempt = async (name: string, wire: Wire, isAllowed: boolean) => {
          const { result, error, until } = await account.call(name, wire);
          assert.equal(error?.code, isAllowed ? undefined : "Rejected.LimitExceeded", name);
          if (!isAllowed) assert.equal(until, model.nextDeletionAfter(world.now));
          return result;
        };
        for (const next of actions) {
          if (next.do === "travel") {
            world.now += next.days * DAY_MILLIS;
            continue;
          }
          if (next.do === "CreateKey") {
            const { isElsewhere } = next;
            const isAllowed = isElsewhere || model.hasRoom(world.now, ["keys", "versions"]);
            const made = await attempt(next.do, isElsewhere ? { DKMSInstanceId } : {}, isAllowed);
            if (made !== undefined) model.keys.push(new KeyModel(keyIdOf(made), isElsewhere));
            continue;
          }
          const key = model.living(world.now)[next.nth];
          if (key === undefined || (key.deleteAt !== undefined) !== (next.do === "CancelKeyDeletion")) continue;
          const { id: KeyId } = key;
          switch (next.do) {
            case "CreateKeyVersion": {
              const isAllowed = key.isElsewhere || model.hasRoom(world.now, ["versions"]);
              if ((await attempt(next.do, { KeyId }, isAllowed)) !== undefined) key.versions++;
              break;
            }
            case "CreateAlias": {
              const AliasName = `alias/${model.named++}`;
              const made = await attempt(next.do, { AliasName, KeyId }, model.hasRoom(world.now, ["aliases"]));
              if (made !== undefined) key.aliases.push(AliasName);
              break;
            }
            case "DeleteAlias": {
              const AliasName = key.aliases.pop();
              if (AliasName !== undefined) await account.ok(next.do, { AliasName });
              break;
            }
            case "ScheduleKeyDeletion": {
              await account.ok(next.do, { KeyId, PendingWindowInDays: "7" });
              key.deleteAt = await account.deletionOf(KeyId);
              break;
            }
            case "CancelKeyDeletion": {
              await account.ok(next.do, { KeyId });
              key.deleteAt = undefined;
            }
          }
        }
      }),
      { numRuns: 12, seed: 20_261_122 },
    );
  });
});

/** An account of its own in the world that a file shares, as its root. */
class Account {
  readonly id: AccountId;
  readonly #world: World;

  private constructor(world: World, id: AccountId) {
    this.#world = world;
    this.id = id;
  }

  static async open(world: World): Promise<Account> {
    return new Account(world, await world.addAccount());
  }

  call(name: string, wire?: Wire): Promise<Outcome> {
    return this.#world.call(name, wire, { as: this.id });
  }

  ok<Result = Readonly<Record<string, unknown>>>(name: string, wire?: Wire): Promise<Result> {
    return this.#world.ok<Result>(name, wire, { as: this.id });
  }

  refusal(name: string, wire?: Wire): Promise<string> {
    return this.#world.refusal(name, wire, { as: this.id });
  }

  async createKey(wire?: Wire): Promise<string> {
    return keyIdOf(await this.ok("CreateKey", wire));
  }

  /** Makes keys as a server without quotas does. */
  async createUnbounded(count: number): Promise<void> {
    const principal = rootPrincipal({ accountId: this.id, accessKeyId: "LTAI5tTest" });
    for (let i = 0; i < count; i++) {
      const context = this.#world.contextOf(principal);
      const { changes = [] } = await declared("CreateKey").run(context, new Map(), rootOnly);
      await this.#world.write(() => changes);
    }
  }

  async deletionOf(KeyId: string): Promise<number> {
    const { KeyMetadata } = await this.ok<{ KeyMetadata: { DeleteDate: string } }>("DescribeKey", { KeyId });
    return Date.parse(KeyMetadata.DeleteDate);
  }
}

class KeyModel {
  readonly id: string;
  readonly isElsewhere: boolean;
  readonly aliases: string[] = [];
  versions = 1;
  deleteAt: number | undefined;

  constructor(id: string, isElsewhere: boolean) {
    this.id = id;
    this.isElsewhere = isElsewhere;
  }
}

/** What an account has, counted the slow way: one by one. */
class AccountModel {
  readonly keys: KeyModel[] = [];
  named = 0;

  living(now: number): readonly KeyModel[] {
    return this.keys.filter(({ deleteAt }) => deleteAt === undefined || deleteAt > now);
  }

  hasRoom(now: number, wanted: readonly (keyof typeof QUOTAS)[]): boolean {
    const used = { keys: 0, aliases: 0, versions: 0 };
    for (const key of this.living(now)) {
      used.aliases += key.aliases.length;
      if (key.isElsewhere) continue;
      used.keys++;
      used.versions += key.versions;
    }
    return wanted.every((counted) => used[counted] < QUOTAS[counted]);
  }

  nextDeletionAfter(now: number): number {
    const times = this.living(now).flatMap(({ deleteAt }) => deleteAt ?? []);
    return Math.min(...times, Number.MAX_SAFE_INTEGER);
  }
}

function keyIdOf(created: Readonly<Record<string, unknown>>): string {
  return (created["KeyMetadata"] as { readonly KeyId: string }).KeyId;
}

async function addInstance(world: World, accountId: AccountId): Promise<InstanceId> {
  const id = newInstanceId();
  await world.write((context) => [
    insertInstance(context, {
      id,
      accountId,
      type: "software",
      state: "Connected",
      name: id,
      createdAt: world.now,
      connectedAt: world.now,
      network: undefined,
      boundVpcs: [],
      isDefault: false,
      deletionProtection: undefined,
      quotas: DEFAULT_QUOTAS,
    }),
  ]);
  return id;
}

/** A service makes its key in an account when it first names it; it is let here whatever it does. */
async function makeServiceKey(world: World, accountId: AccountId, serviceName: string): Promise<void> {
  const by = {
    type: "service",
    serviceName,
    accountId: await world.addAccount(),
    accessKeyId: "LTAI5tService",
    arn: `acs:ram::1:service/${serviceName}`,
  } as const;
  world.authorizer = { ...rootOnly, decide: () => ({ allowed: true, by: "root" }) };
  const KeyId = `acs:kms:cn-hangzhou:${accountId}:alias/acs/${serviceName}`;
  await world.ok("Encrypt", { KeyId, Plaintext: "text" }, { by });
  world.authorizer = rootOnly;
}
