import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { forEachDatabase } from "@cinnabar/testkit";
import { QUEUES } from "../src/operation/bounded-queue.ts";
import { TestDeployment } from "./support/deployment.ts";
import { searches, TestService } from "./support/test-service.ts";

forEachDatabase((database) => {
  test("an operation that is dear with one parameter waits for its turn with it alone", async () => {
    await using deployment = await TestDeployment.create(database);
    using service = await TestService.start(deployment);
    const [id, other] = [randomUUID(), randomUUID()];
    const gate = Promise.withResolvers<void>();
    searches.set(id, gate.promise);
    const { concurrency, length } = QUEUES.lookup;
    const searching = Array.from({ length: concurrency + length + 1 }, () => service.call("SearchThings", { Id: id }));
    await Promise.race(searching);

    const dear = await service.call("RenameThing", { Id: other, After: other });
    assert.deepEqual([dear.status, dear.json["Code"]], [429, "Rejected.Throttling"]);
    assert.equal((await service.call("RenameThing", { Id: other })).status, 200);
    gate.resolve();
    searches.delete(id);
    await Promise.all(searching);
    assert.equal((await service.call("RenameThing", { Id: other, After: other })).status, 200);
  });
});
