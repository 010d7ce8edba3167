import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import type { KeyUsage } from "@cinnabar/kms";
import { DAY_MILLIS, World } from "./world.ts";

const HASH = "5".repeat(64);
const OTHER_HASH = "6".repeat(64);
const WINDOW = { PendingWindowInDays: "7" };

forEachDatabase((database) => {
  let world: World;
  before(async () => {
    world = await World.open(database);
  });
  after(() => world[Symbol.asyncDispose]());

  const state = async (KeyId: string): Promise<string> => {
    const { KeyMetadata } = await world.ok<{ KeyMetadata: { KeyState: string } }>("DescribeKey", { KeyId });
    return KeyMetadata.KeyState;
  };
  const report = (hash: string): KeyUsage => ({ ...world.usage, report: { text: "{}", hash } });

  test("a deletion is scheduled without a review where the account requires none", async () => {
    world.isReviewRequired = false;
    const KeyId = await world.createKey();
    const { error, holdsBatches } = await world.call("ScheduleKeyDeletion", { KeyId, ...WINDOW });
    assert.equal(error, undefined);
    assert.equal(holdsBatches, false, "nobody waits for what is not looked at");
    assert.equal(await state(KeyId), "PendingDeletion");
  });

  test("a deletion that must be reviewed is refused without the hash of the present report", async () => {
    world.isReviewRequired = true;
    world.usage = report(HASH);
    const KeyId = await world.createKey();
    assert.equal(
      await world.refusal("ScheduleKeyDeletion", { KeyId, ...WINDOW }),
      "Rejected.UsageNotReviewed: The key's usage must be reviewed before its deletion is scheduled. Get its usage report with GetKeyUsage, review it, and send its hash as UsageReportHash.",
    );
    const refused = await world.call("ScheduleKeyDeletion", { KeyId, ...WINDOW, UsageReportHash: OTHER_HASH });
    assert.equal(refused.error?.code, "Rejected.UsageNotReviewed");
    assert.equal(refused.error.status, 409);
    assert.doesNotMatch(refused.error.message, new RegExp(HASH), "or nobody would have to look at the report");
    assert.equal(await state(KeyId), "Enabled");

    const { error, holdsBatches } = await world.call("ScheduleKeyDeletion", {
      KeyId,
      ...WINDOW,
      UsageReportHash: HASH,
    });
    assert.equal(error, undefined);
    assert.equal(holdsBatches, true);
    assert.equal(await state(KeyId), "PendingDeletion");
  });

  test("a hash that is given is checked also where no review is required", async () => {
    world.isReviewRequired = false;
    world.usage = report(HASH);
    const KeyId = await world.createKey();
    const parameters = { KeyId, ...WINDOW };
    const { error } = await world.call("ScheduleKeyDeletion", { ...parameters, UsageReportHash: OTHER_HASH });
    assert.equal(error?.code, "Rejected.UsageNotReviewed");
    await world.ok("ScheduleKeyDeletion", { ...parameters, UsageReportHash: HASH });
  });

  test("what is no hash is said to be none", async () => {
    const KeyId = await world.createKey();
    for (const UsageReportHash of ["5", HASH.toUpperCase().replaceAll("5", "A"), `${HASH}5`, `${HASH}\n`]) {
      assert.equal(
        await world.refusal("ScheduleKeyDeletion", { KeyId, ...WINDOW, UsageReportHash }),
        'InvalidParameter: The specified parameter "UsageReportHash" is not valid. It must be 64 hexadecimal digits in lower case, as GetKeyUsage gives them.',
      );
    }
  });

  test("GetKeyUsage tells all that is known of a key's usage, and records which report it gave", async () => {
    const KeyId = await world.createKey();
    const second = 1000;
    const at = (seconds: number) => world.now - (world.now % second) + seconds * second;
    const uses = { count: 3, firstAt: at(-20), lastAt: at(-10) };
    const refusals = { count: 1, firstAt: at(-5), lastAt: at(-5) };
    world.usage = {
      operations: new Map([
        ["Encrypt", { uses }],
        ["Decrypt", { uses: { ...uses, firstAt: at(-30) }, refusals }],
      ]),
      versions: new Map([["v", { uses }]]),
      principals: [{ type: "root-account", accountId: "1", principalId: "1", accessKeyId: "LTAI5tTest", refusals }],
      contextNames: new Map([["tenant", { uses }]]),
      otherPrincipals: {},
      otherContextNames: { uses },
      services: new Map(),
      resources: [],
      otherResources: {},
      unnamedContexts: {},
      days: new Map([[Math.floor(at(0) / DAY_MILLIS), { uses: 6, refusals: 1 }]]),
      report: { text: '{"a":1}', hash: HASH },
    };
    const time = (seconds: number) => `${new Date(at(seconds)).toISOString().slice(0, 19)}Z`;
    const Uses = { Count: 3, FirstDate: time(-20), LastDate: time(-10) };
    const Refusals = { Count: 1, FirstDate: time(-5), LastDate: time(-5) };
    assert.deepEqual(JSON.parse(JSON.stringify(await world.ok("GetKeyUsage", { KeyId }))), {
      KeyId,
      AsOf: time(0),
      Uses: { Count: 6, FirstDate: time(-30), LastDate: time(-10) },
      Refusals,
      Operations: {
        Operation: [
          { Name: "Decrypt", Uses: { ...Uses, FirstDate: time(-30) }, Refusals },
          { Name: "Encrypt", Uses },
        ],
      },
      KeyVersions: { KeyVersion: [{ KeyVersionId: "v", Uses }] },
      Principals: {
        Principal: [{ Type: "root-account", AccountId: "1", PrincipalId: "1", AccessKeyId: "LTAI5tTest", Refusals }],
      },
      ContextNames: { ContextName: [{ Name: "tenant", Uses }] },
      OtherContextNames: { Uses },
      Days: { Day: [{ Date: time(0).slice(0, 10), Uses: 6, Refusals: 1 }] },
      UsageReport: '{"a":1}',
      UsageReportHash: HASH,
    });
  });

  test("GetKeyUsage finds a key by its alias and its ARN, and another account's not at all", async () => {
    const KeyId = await world.createKey();
    await world.ok("CreateAlias", { AliasName: "alias/usage", KeyId });
    for (const name of ["alias/usage", `acs:kms:cn-hangzhou:${world.accountId}:key/${KeyId}`]) {
      assert.equal((await world.ok<{ KeyId: string }>("GetKeyUsage", { KeyId: name })).KeyId, KeyId);
    }
    const stranger = await world.addAccount();
    assert.match(await world.refusal("GetKeyUsage", { KeyId }, { as: stranger }), /^Forbidden\.KeyNotFound: /);
  });
});
