import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request as httpsRequest } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect, type ConnectionOptions } from "node:tls";

import { startRpcListener } from "../src/listener/index.ts";
import { ensureServerCertificate, serverNames } from "../src/tls/index.ts";

async function start() {
  const directory = await mkdtemp(join(tmpdir(), "cinnabar-https-"));
  const names = serverNames({ listenHost: "127.0.0.1", hostname: "localhost", more: [] });
  const material = await ensureServerCertificate({ directory, names, now: Date.now() });
  const refusals: string[] = [];
  const listener = await startRpcListener({
    host: "127.0.0.1",
    port: 0,
    tls: material,
    handle: (call) => {
      const body = JSON.stringify({ isSecure: call.isSecure });
      call.respond({ status: 200, body, format: "JSON", requestId: "R" });
    },
    onRefused: (reason) => refusals.push(reason),
    limits: { requestMillis: 1000 },
  });
  return {
    listener,
    refusals,
    port: listener.address.port,
    ca: await readFile(material.caFile),
    async [Symbol.asyncDispose]() {
      await listener.stop(0);
      await rm(directory, { recursive: true });
    },
  };
}

async function get(options: RequestOptions): Promise<unknown> {
  const request = httpsRequest({ host: "127.0.0.1", agent: false, ...options });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return JSON.parse(await text(response));
}

async function handshake(options: ConnectionOptions) {
  const socket = connect({ host: "127.0.0.1", ...options });
  await once(socket, "secureConnect");
  return socket;
}

test("serves a client that trusts ca.pem, by address and by name, and no other", async () => {
  await using server = await start();
  const { port, ca } = server;
  assert.equal(server.listener.url, `https://127.0.0.1:${port}`);
  assert.deepEqual(await get({ port, ca }), { isSecure: true });
  assert.deepEqual(await get({ port, ca, servername: "localhost" }), { isSecure: true });
  await assert.rejects(get({ port }), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  await assert.rejects(get({ port, ca, servername: "other.example" }), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
});

test("speaks TLS 1.3 and 1.2 and nothing older", async () => {
  await using server = await start();
  const { port, ca } = server;
  for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
    const socket = await handshake({ port, ca, minVersion: version, maxVersion: version });
    assert.equal(socket.getProtocol(), version);
    socket.destroy();
  }
  const old = { port, ca, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  await assert.rejects(handshake(old), { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
});

test("resumes a session with a ticket", async () => {
  await using server = await start();
  const { port, ca } = server;
  const first = connect({ host: "127.0.0.1", port, ca });
  const [session] = (await once(first, "session")) as [Buffer];
  first.destroy();
  const second = await handshake({ port, ca, session });
  assert(second.isSessionReused());
  second.destroy();
});

test("answers many requests on one connection", async () => {
  await using server = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 100; i++) await get({ port: server.port, ca: server.ca, agent });
  assert.equal(server.listener.openConnections, 1);
  agent.destroy();
});

test("ends connections that speak no TLS, or say nothing, and serves on", async () => {
  await using server = await start();
  const { port, ca } = server;
  const plain = connectTcp(port, "127.0.0.1");
  plain.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  plain.on("error", () => {});
  const silent = connectTcp(port, "127.0.0.1");
  silent.on("error", () => {});
  await Promise.all([once(plain, "close"), once(silent.resume(), "close")]);
  assert.deepEqual(server.refusals, ["malformed", "malformed"]);
  assert.deepEqual(await get({ port, ca }), { isSecure: true });
});

test("answers oversize headers in JSON over TLS too", async () => {
  await using server = await start();
  const answer = await get({ port: server.port, ca: server.ca, path: `/?${"a".repeat(300_000)}` });
  assert.equal((answer as { HttpStatus: number }).HttpStatus, 431);
});
