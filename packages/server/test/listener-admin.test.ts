import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";

import { startAdminListener } from "../src/listener/index.ts";

async function start() {
  const reasons: string[] = [];
  const listener = await startAdminListener({
    host: "127.0.0.1",
    port: 0,
    metrics: { contentType: "text/plain; version=0.0.4; charset=utf-8", expose: () => Promise.resolve("up 1\n") },
    ready: () => ({ ready: reasons.length === 0, reasons }),
  });
  return { listener, reasons, [Symbol.asyncDispose]: () => listener.stop() };
}

test("tells those who watch that it lives, whether it is ready, and its numbers", async () => {
  await using admin = await start();
  const { url } = admin.listener;
  const health = await fetch(`${url}/healthz`);
  assert.equal(health.status, 200);
  assert.deepEqual(await health.json(), { healthy: true });
  const metrics = await fetch(`${url}/metrics?x=1`);
  assert.equal(metrics.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await metrics.text(), "up 1\n");
  assert.deepEqual(await (await fetch(`${url}/readyz`)).json(), { ready: true, reasons: [] });
  admin.reasons.push("the store cannot be reached");
  const unready = await fetch(`${url}/readyz`);
  assert.equal(unready.status, 503);
  assert.deepEqual(await unready.json(), { ready: false, reasons: ["the store cannot be reached"] });
});

test("serves GET and HEAD alone, and nothing else", async () => {
  await using admin = await start();
  const { url } = admin.listener;
  const head = await fetch(`${url}/readyz`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
  const post = await fetch(`${url}/metrics`, { method: "POST", body: "x" });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get("allow"), "GET, HEAD");
  for (const path of ["", "/", "/healthz/", "/metricsx"]) {
    assert.equal((await fetch(`${url}${path}`)).status, 404, path);
  }
});

test("takes shares by POST where a server is sealed, answers each, and forgets none when it stops", async () => {
  const shares: string[] = [];
  const answered = Promise.withResolvers<{ status: number; answer: object }>();
  const listener = await startAdminListener({
    host: "127.0.0.1",
    port: 0,
    metrics: { contentType: "text/plain", expose: () => Promise.resolve("") },
    ready: () => ({ ready: false, reasons: [] }),
    unseal: (share) => {
      shares.push(share.toString());
      return answered.promise;
    },
  });
  const url = `${listener.url}/unseal`;
  assert.equal((await fetch(url)).status, 405);
  assert.equal((await fetch(url, { method: "POST", body: "x".repeat(1025) })).status, 413);
  const taken = fetch(url, { method: "POST", body: "a share" });
  while (shares.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const stopped = listener.stop();
  answered.resolve({ status: 422, answer: { error: "wrong" } });
  const answer = await taken;
  assert.equal(answer.status, 422);
  assert.deepEqual(await answer.json(), { error: "wrong" });
  await stopped;
  assert.deepEqual(shares, ["a share"]);
});

test("takes no shares where a server is open", async () => {
  await using admin = await start();
  assert.equal((await fetch(`${admin.listener.url}/unseal`, { method: "POST", body: "a share" })).status, 404);
});

test("stops at once, connections or not", async () => {
  const admin = await start();
  const idle = connect(admin.listener.address.port, "127.0.0.1");
  idle.on("error", () => {});
  await fetch(`${admin.listener.url}/healthz`);
  await admin.listener.stop();
  idle.destroy();
});
