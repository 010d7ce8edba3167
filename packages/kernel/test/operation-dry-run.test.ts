import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase, PolicyAuthorizer } from "@cinnabar/testkit";
import { QUEUES } from "../src/operation/bounded-queue.ts";
import type { Principal } from "../src/operation/principal.ts";
import { TestDeployment } from "./support/deployment.ts";
import { type LoggedEvent, readEvents } from "./support/read-log.ts";
import { ACCESS_KEY_ID, ACCOUNT, type Reply, searches, sign, TestService } from "./support/test-service.ts";

const ALL = { Effect: "Allow", Action: "*", Resource: "*" } as const;
const alice = { accountId: ACCOUNT, kind: "user", name: "alice" } as const;
const user: Principal = {
  accountId: ACCOUNT,
  accessKeyId: ACCESS_KEY_ID,
  type: "ram-user",
  arn: `acs:ram::${ACCOUNT}:user/alice`,
  userId: "200000000000000001",
  userName: "alice",
};

async function recordOf(deployment: TestDeployment, service: TestService, { requestId }: Reply): Promise<LoggedEvent> {
  const events = await readEvents(deployment.backend, service.process.shard);
  const [event, ...more] = events.filter(({ eventId }) => eventId === requestId);
  assert.ok(event && more.length === 0, "a call has one record");
  return event;
}

const DRY = { Id: "mine", Count: "6", DryRun: "true" };

forEachDatabase((database) => {
  test("a dry run changes nothing, and says in its body and its event what it would", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const reply = await service.call("ChangeThing", DRY);
    const message = "The request would have succeeded, but the DryRun parameter was set. Somebody counts on it.";
    assert.deepEqual([reply.status, reply.json["Code"], reply.json["Message"]], [400, "DryRunOperationError", message]);
    assert.deepEqual(reply.json["DryRunDetail"], { Counters: { Counter: [{ Before: 5, After: 6 }] } });
    assert.deepEqual((await service.call("DescribeThing", { Id: "mine" })).json["Count"], 5);
    const event = await recordOf(deployment, service, reply);
    assert.equal(event.additionalEventData?.["dryRun"], true);
    assert.deepEqual([event.errorCode, event["errorMessage"]], ["DryRunOperationError", message]);

    const { body } = await service.send(sign("ChangeThing", DRY, { format: "XML" }));
    assert.match(body, /<DryRunDetail><Counters><Counter><Before>5<\/Before><After>6<\/After><\/Counter><\/Counters>/);
    const plain = await service.call("DescribeThing", { Id: "mine", DryRun: "true" });
    assert.equal(plain.json["DryRunDetail"], undefined);
    // By which clients find out whether a service has dry runs of every operation, before they rely on it.
    const unrecorded = await service.call("DescribeRegions", { DryRun: "true" });
    assert.equal(unrecorded.json["Code"], "DryRunOperationError");
  });

  test("a dry run is refused as the call would be, and its event says what it was", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    for (const [parameters, code] of [
      [{ ...DRY, Count: "many" }, "InvalidParameter"],
      [{ ...DRY, Id: "foreign" }, "Forbidden.KeyNotFound"],
      [{ ...DRY, Count: "13" }, "InternalFailure"],
    ] as const) {
      const reply = await service.call("ChangeThing", parameters);
      assert.deepEqual([reply.json["Code"], reply.json["DryRunDetail"]], [code, undefined]);
      assert.equal((await recordOf(deployment, service, reply)).additionalEventData?.["dryRun"], true);
    }
  });

  test("what it would change for others is told to those who may know", async () => {
    await using deployment = await TestDeployment.create(database);
    const authorizer = new PolicyAuthorizer()
      .grant(alice, ALL)
      .grant(alice, { Effect: "Deny", Action: "test:CountThing", Resource: "*" });
    using service = await TestService.start(deployment, { authorizer, principal: user });
    const reply = await service.call("ChangeThing", DRY);
    assert.equal(reply.json["Code"], "DryRunOperationError");
    assert.match(String(reply.json["Message"]), / Nobody tells you\.$/);
    assert.deepEqual(reply.json["DryRunDetail"], {});
    const event = await recordOf(deployment, service, reply);
    assert.equal(event.additionalEventData?.["accessDenied"], undefined);
  });

  test("a dry run that looks things up waits for its turn, and the call itself does not", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const gate = Promise.withResolvers<void>();
    const id = "dry-run-queue";
    searches.set(id, gate.promise);
    const { concurrency, length } = QUEUES.lookup;
    const searching = Array.from({ length: concurrency + length + 1 }, () => service.call("SearchThings", { Id: id }));
    await Promise.race(searching);
    const reply = await service.call("ChangeThing", DRY);
    assert.deepEqual([reply.status, reply.json["Code"]], [429, "Rejected.Throttling"]);
    assert.equal((await service.call("ChangeThing", { Id: "mine", Count: "6" })).status, 200);
    gate.resolve();
    searches.delete(id);
    await Promise.all(searching);
  });
});
