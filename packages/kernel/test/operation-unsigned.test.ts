import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { UNSIGNED_QUEUE } from "../src/operation/bounded-queue.ts";
import { Throttle } from "../src/operation/throttle.ts";
import { TestDeployment } from "./support/deployment.ts";
import { searches, TestService } from "./support/test-service.ts";

const HERE = "192.0.2.1";
const THERE = "192.0.2.2";

function introduce(service: TestService, me: string, { id = "mine", from = HERE } = {}) {
  return service.callUnsigned("IntroduceMyself", { Id: id, Me: me }, from);
}

forEachDatabase((database) => {
  test("whoever a provider vouches for is a stranger to the provider's account too", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const [refused, foreign, missing] = [
      await introduce(service, "somebody"),
      await introduce(service, "somebody", { id: "foreign" }),
      await introduce(service, "somebody", { id: "nothing" }),
    ];
    const withoutIds = ({ status, json }: typeof refused) => ({ status, json: { ...json, RequestId: "" } });
    assert.equal(refused.json["Code"], "Forbidden.KeyNotFound");
    assert.deepEqual(withoutIds(refused), withoutIds(missing));
    assert.deepEqual(withoutIds(foreign), withoutIds(missing));
  });

  test("whoever a provider vouches for takes nothing of what the account may call", async () => {
    await using deployment = await TestDeployment.create(database);
    const throttle = new Throttle({ read: 2 }, () => 0);
    using service = await TestService.start(deployment, { throttle });
    const codes = [];
    for (let i = 0; i < 4; i++) codes.push((await introduce(service, "somebody")).status);
    assert.deepEqual(codes, [404, 404, 429, 429]);
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
  });

  test("why callers cannot be proven is logged once, however many call", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    for (let i = 0; i < 10; i++) {
      const { status, json } = await introduce(service, "nobody");
      assert.deepEqual([status, json["Message"]], [503, "Who that is cannot be told."]);
    }
    const linesWith = (text: string) => service.log.split("\n").filter((line) => line.includes(text)).length;
    assert.equal(linesWith("the provider is away"), 1);
    assert.equal(linesWith('"reason":"bad-identity-token"'), 10);
  });

  test("calls without a signature wait for few others, and those of one address leave room for another's", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const gate = Promise.withResolvers<void>();
    searches.set("slow", gate.promise);
    const { concurrency, length } = UNSIGNED_QUEUE;
    const taken = concurrency - 1 + length / 2;
    const slow = Array.from({ length: taken }, () => introduce(service, "slow"));
    const { status, json, retryAfterMillis } = await introduce(service, "quick");
    assert.deepEqual([status, json["Code"], retryAfterMillis], [429, "Rejected.Throttling", 1000]);
    assert.ok(service.log.includes('"reason":"too-many-unsigned"'));
    assert.equal((await introduce(service, "quick", { from: THERE })).status, 404);
    assert.equal((await service.call("DescribeThing", { Id: "mine" })).status, 200);
    gate.resolve();
    searches.delete("slow");
    await Promise.all(slow);
    assert.equal((await introduce(service, "quick")).status, 404);
  });
});
