import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";

import type { IncomingCall } from "@cinnabar/kernel";

import { type RpcListenerOptions, startRpcListener } from "../src/listener/index.ts";
import { OperatorError } from "../src/operator-error.ts";

const REQUEST_ID = "9F2C1A3B-0000-4000-8000-000000000001";

/** Answers with what it was asked. */
function echo(call: IncomingCall): void {
  const { method, url, body, headers } = call.http;
  const answer = {
    method,
    url,
    host: headers["host"],
    body: Buffer.from(body).toString(),
    source: call.sourceAddress,
    isSecure: call.isSecure,
  };
  call.respond({ status: 200, body: JSON.stringify(answer), format: "JSON", requestId: REQUEST_ID });
}

async function start(options: Partial<RpcListenerOptions> = {}) {
  const refusals: string[] = [];
  const listener = await startRpcListener({
    host: "127.0.0.1",
    port: 0,
    handle: echo,
    onRefused: (reason, { code }) => refusals.push(`${reason} ${code}`),
    ...options,
  });
  return {
    listener,
    refusals,
    port: listener.address.port,
    [Symbol.asyncDispose]: () => listener.stop(0),
  };
}

/** What {@link echo} answers. */
interface Echo {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly body: string;
  readonly source: string;
  readonly isSecure: boolean;
}

function parseEcho(reply: { readonly body: string } | undefined): Echo {
  return JSON.parse(reply?.body ?? "{}") as Echo;
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A client that writes what it likes and reads everything until the end. */
class RawClient {
  readonly socket: Socket;
  received = "";

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => (this.received += chunk.toString("latin1")));
  }

  async replies(): Promise<Reply[]> {
    if (!this.socket.readableEnded && !this.socket.destroyed) {
      await Promise.race([once(this.socket, "end"), once(this.socket, "close")]);
    }
    this.socket.destroy();
    return parseReplies(this.received);
  }
}

function parseReplies(received: string): Reply[] {
  const replies: Reply[] = [];
  for (let rest = received; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n");
    const [first = "", ...lines] = rest.slice(0, end).split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
      }),
    );
    const length = Number(headers["content-length"] ?? 0);
    replies.push({ status: Number(first.split(" ")[1]), headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return replies;
}

async function send(port: number, ...parts: (string | Buffer)[]): Promise<Reply[]> {
  const client = new RawClient(port);
  for (const part of parts) client.socket.write(part);
  return client.replies();
}

function assertRefusal(reply: Reply | undefined, expected: { status: number; code: string; host?: string }): void {
  assert(reply, "there is no answer");
  const body = JSON.parse(reply.body) as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), ["RequestId", "HostId", "Code", "Message", "HttpStatus"]);
  assert.equal(reply.status, expected.status);
  assert.equal(body["HttpStatus"], expected.status);
  assert.equal(body["Code"], expected.code);
  assert.equal(body["HostId"], expected.host ?? "");
  assert.match(String(body["RequestId"]), /^[0-9A-F-]{36}$/);
  assert.equal(reply.headers["x-acs-request-id"], body["RequestId"]);
  assert.equal(reply.headers["content-type"], "application/json;charset=utf-8");
  assert.equal(reply.headers["content-length"], String(Buffer.byteLength(reply.body)));
  assert(!Number.isNaN(Date.parse(reply.headers["date"] ?? "")));
  assert.equal(reply.headers["connection"], "close");
}

test("hands over what was sent and writes the answer with its headers in one piece", async () => {
  await using server = await start();
  const client = new RawClient(server.port);
  client.socket.write("GET /?Action=X HTTP/1.1\r\nHost: kms.example\r\n\r\n");
  const [chunk] = (await once(client.socket, "data")) as [Buffer];
  const [reply] = parseReplies(chunk.toString("latin1"));
  client.socket.destroy();
  assert(reply);
  assert.equal(reply.status, 200);
  assert.deepEqual(parseEcho(reply), {
    method: "GET",
    url: "/?Action=X",
    host: "kms.example",
    body: "",
    source: "127.0.0.1",
    isSecure: false,
  });
  assert.deepEqual(Object.keys(reply.headers).toSorted(), [
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "x-acs-request-id",
  ]);
  assert.equal(reply.headers["content-type"], "application/json;charset=utf-8");
  assert.equal(reply.headers["x-acs-request-id"], REQUEST_ID);
  assert.equal(reply.headers["keep-alive"], "timeout=65");
});

test("takes bodies whole, in pieces and in chunks, up to the limit and not a byte more", async () => {
  await using server = await start({ limits: { bodyBytes: 1000 } });
  const full = "x".repeat(1000);
  const post = (headers: string, ...parts: string[]) =>
    send(server.port, `POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${headers}\r\n\r\n`, ...parts);
  for (const [reply] of [
    await post("Content-Length: 1000", full),
    await post("Content-Length: 1000", full.slice(0, 1), full.slice(1)),
    await post(
      "Transfer-Encoding: chunked",
      `1f4\r\n${full.slice(0, 500)}\r\n1f4\r\n${full.slice(500)}\r\n`,
      "0\r\n\r\n",
    ),
  ]) {
    assert.equal(parseEcho(reply).body, full);
  }
  const tooLarge = { status: 413, code: "RequestTooLarge", host: "h" };
  assertRefusal((await post("Content-Length: 1001"))[0], tooLarge);
  assertRefusal((await post("Transfer-Encoding: chunked", `3e9\r\n${full}x\r\n0\r\n\r\n`))[0], tooLarge);
  assert.deepEqual(server.refusals, ["oversize RequestTooLarge", "oversize RequestTooLarge"]);
});

test("lets a client that is still sending read why its body is refused", async () => {
  await using server = await start();
  const body = Buffer.alloc(8 * 1024 * 1024);
  const head = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`;
  assertRefusal((await send(server.port, head, body))[0], { status: 413, code: "RequestTooLarge", host: "h" });
  const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const reply = await send(server.port, chunked, `${body.length.toString(16)}\r\n`, body);
  assertRefusal(reply[0], { status: 413, code: "RequestTooLarge", host: "h" });
});

test("invites a body that it would take, and refuses another before it is sent", async () => {
  await using server = await start();
  const head = (length: number) =>
    `POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
  const client = new RawClient(server.port);
  client.socket.write(head(2));
  await once(client.socket, "data");
  client.socket.write("ok");
  const [invitation, reply] = await client.replies();
  assert.equal(invitation?.status, 100);
  assert.equal(parseEcho(reply).body, "ok");
  const [refusal] = await send(server.port, head(2_000_000));
  assertRefusal(refusal, { status: 413, code: "RequestTooLarge", host: "h" });
  const [other] = await send(server.port, "GET / HTTP/1.1\r\nHost: h\r\nExpect: a miracle\r\n\r\n");
  assertRefusal(other, { status: 417, code: "ExpectationFailed", host: "h" });
});

test("bounds the memory that all bodies on their way may take", async () => {
  await using server = await start({ limits: { receivingBytes: 1500 } });
  const head = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n";
  const first = new RawClient(server.port);
  first.socket.write(`${head}${"x".repeat(900)}`);
  const [refusal] = await send(server.port, `${head}${"x".repeat(900)}`);
  assertRefusal(refusal, { status: 503, code: "ServiceUnavailableTemporary", host: "h" });
  first.socket.write("x".repeat(100));
  assert.equal((await first.replies())[0]?.status, 200);
  const [later] = await send(server.port, `${head}${"x".repeat(1000)}`);
  assert.equal(later?.status, 200);
});

test("bounds the memory that all headers on their way may take, and ends the longest", async () => {
  await using server = await start({ limits: { receivingBytes: 100_000 } });
  const modest = new RawClient(server.port);
  modest.socket.write("GET /modest HTTP/1.1\r\nHost: cinnabar\r\n");
  const greedy = [new RawClient(server.port), new RawClient(server.port)];
  const [long, longer] = ["x".repeat(60_000), "x".repeat(120_000)];
  greedy[0]?.socket.write(`GET / HTTP/1.1\r\nHost: cinnabar\r\nX-Long: ${long}`);
  // What may follow a body counts like headers, but for what was read together with these.
  const chunked = "Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n";
  greedy[1]?.socket.write(`POST / HTTP/1.1\r\nHost: cinnabar\r\n${chunked}X-Long: ${longer}`);
  assert.deepEqual(await Promise.race(greedy.map((client) => client.replies())), []);
  assert.deepEqual(server.refusals, ["oversize ServiceUnavailableTemporary"]);
  // What was answered and what is a body counts no more.
  modest.socket.write(`Content-Length: 90000\r\nConnection: close\r\n\r\n${"b".repeat(90_000)}`);
  assert.equal(parseEcho((await modest.replies())[0]).url, "/modest");
  for (const { socket } of greedy) socket.destroy();
});

test("bounds the memory of large bodies whose calls wait for their answers, and takes small ones all the same", async () => {
  const open: IncomingCall[] = [];
  const unansweredBytes = 150_000;
  await using server = await start({ limits: { unansweredBytes }, handle: (call) => void open.push(call) });
  const post = (bytes: number) =>
    send(
      server.port,
      `POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`,
    );
  const takenBy = async (calls: number): Promise<void> => {
    while (open.length < calls) await new Promise((resolve) => setImmediate(resolve));
  };
  const large = post(100_000);
  await takenBy(1);
  const refused = post(70_000);
  await Promise.race([refused, takenBy(2)]);
  assert.equal(open.length, 1);
  assertRefusal((await refused)[0], { status: 503, code: "ServiceUnavailableTemporary", host: "h" });
  const small = post(60_000);
  await takenBy(2);
  for (const call of open.splice(0)) echo(call);
  assert.deepEqual([(await large)[0]?.status, (await small)[0]?.status], [200, 200]);
  const later = post(150_000);
  await takenBy(1);
  for (const call of open.splice(0)) echo(call);
  assert.equal((await later)[0]?.status, 200);
});

test("takes 90 KB of URL and answers more than 256 KiB of headers with 431", async () => {
  await using server = await start();
  const get = (bytes: number) =>
    send(server.port, `GET /?${"a".repeat(bytes)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
  assert.equal((await get(90_000))[0]?.status, 200);
  assert.equal((await get(255 * 1024))[0]?.status, 200);
  assertRefusal((await get(300_000))[0], { status: 431, code: "RequestTooLarge" });
  const [reply] = await send(server.port, `GET / HTTP/1.1\r\nHost: h\r\nX: ${"a".repeat(300_000)}\r\n\r\n`);
  assertRefusal(reply, { status: 431, code: "RequestTooLarge" });
});

test("lets a client that sends much after something malformed read the answer, and then the end", async () => {
  await using server = await start();
  // More than is read at once: the rest comes when the connection is refused already.
  const rest = Buffer.alloc(400_000, "x");
  const socket = connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true });
  socket.end(Buffer.concat([Buffer.from("POST / HTTP/1.1\r\nHost: x\r\nno colon\r\n"), rest]));
  const [answer] = parseReplies(await text(socket));
  assertRefusal(answer, { status: 400, code: "ParseRequestParameterException" });
});

test("answers malformed HTTP with 400 in JSON", async () => {
  await using server = await start();
  const malformed = { status: 400, code: "ParseRequestParameterException" };
  for (const bytes of [
    "hello\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET  /\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nBroken header\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nA: \u0000\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
  ]) {
    assertRefusal((await send(server.port, Buffer.from(bytes, "latin1")))[0], malformed);
  }
  assertRefusal((await send(server.port, "GET / HTTP/1.1\r\n\r\n"))[0], malformed);
  const [tunnel] = await send(server.port, "CONNECT a:1 HTTP/1.1\r\nHost: h\r\n\r\n");
  assertRefusal(tunnel, { status: 403, code: "UnsupportedHTTPMethod", host: "h" });
  assert(server.refusals.every((refusal) => refusal.startsWith("malformed ")));
});

test("takes an upgrade for the request that it also is, HTTP/1.0, and HEAD", async () => {
  await using server = await start();
  const upgrade = "GET /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
  assert.equal(parseEcho((await send(server.port, upgrade))[0]).url, "/u");
  assert.equal((await send(server.port, "GET /old HTTP/1.0\r\n\r\n"))[0]?.status, 200);
  const [head] = await send(server.port, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assert.equal(head?.body, "");
  assert(Number(head?.headers["content-length"]) > 0);
});

test("answers whoever takes too long to send a request with 408, whatever part is missing", async () => {
  await using server = await start({ limits: { requestMillis: 200 } });
  const slow = { status: 408, code: "RequestTimeout" };
  const starts = [
    "G",
    "GET / HTTP/1.1\r\nHost: h\r\nX: ",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "",
  ];
  for (const [reply] of await Promise.all(starts.map((bytes) => send(server.port, bytes)))) assertRefusal(reply, slow);
  const dripping = new RawClient(server.port);
  dripping.socket.write("GET / HTTP/1.1\r\nHost: h\r\n");
  const drip = setInterval(() => dripping.socket.write("X-Drip: 1\r\n"), 30);
  const [reply] = await dripping.replies();
  clearInterval(drip);
  assertRefusal(reply, slow);
});

test("closes a connection that no request comes on any more", async () => {
  await using server = await start({ limits: { keepAliveMillis: 50 } });
  const replies = await send(server.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.deepEqual(
    replies.map(({ status }) => status),
    [200],
  );
});

test("says what the answer is written in", async () => {
  await using server = await start({
    handle: (call) => call.respond({ status: 404, body: "<Error>é</Error>", format: "XML", requestId: REQUEST_ID }),
  });
  const [reply] = await send(server.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assert.equal(reply?.headers["content-type"], "text/xml;charset=utf-8");
  assert.equal(reply.headers["content-length"], "17");
});

test("ends a connection whose client does not take its answers", async () => {
  const body = JSON.stringify("x".repeat(4 * 1024 * 1024));
  await using server = await start({
    limits: { stalledMillis: 100 },
    handle: (call) => call.respond({ status: 200, body, format: "JSON", requestId: REQUEST_ID }),
  });
  const client = connect(server.port, "127.0.0.1");
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(10));
  await once(client, "readable");
  // Nothing is read: what the kernels take is soon full.
  while (server.listener.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  client.destroy();
});

test("answers a client that has closed its half of the connection", async () => {
  const calls: IncomingCall[] = [];
  await using server = await start({ handle: (call) => calls.push(call) });
  const client = new RawClient(server.port);
  client.socket.end("GET /half HTTP/1.1\r\nHost: h\r\n\r\n");
  while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const call of calls) echo(call);
  const [reply] = await client.replies();
  assert.equal(parseEcho(reply).url, "/half");
});

test("survives clients that leave at any moment", async () => {
  const calls: IncomingCall[] = [];
  await using server = await start({ handle: (call) => calls.push(call) });
  const bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  for (let i = 0; i <= bytes.length; i += 3) {
    const client = new RawClient(server.port);
    client.socket.write(bytes.slice(0, i));
    await new Promise((resolve) => client.socket.once("connect", resolve));
    client.socket.resetAndDestroy();
  }
  const client = new RawClient(server.port);
  client.socket.write(bytes);
  while (!calls.some((call) => call.http.body.length === 5)) await new Promise((resolve) => setImmediate(resolve));
  client.socket.resetAndDestroy();
  while (server.listener.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
  for (const call of calls) echo(call);
});

test("answers a thousand requests on one connection", async () => {
  await using server = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let i = 0; i < 1000; i++) {
    const request = httpRequest({
      port: server.port,
      host: "127.0.0.1",
      path: `/${i}`,
      agent,
      method: i % 2 ? "GET" : "POST",
    });
    request.end(i % 2 ? undefined : "b");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    ports.add(response.socket.localPort);
    const { url, body } = parseEcho({ body: await text(response) });
    assert.deepEqual({ url, body }, { url: `/${i}`, body: i % 2 ? "" : "b" });
  }
  agent.destroy();
  assert.equal(ports.size, 1);
});

test("answers pipelined requests in their order, whichever is ready first", async () => {
  const calls: IncomingCall[] = [];
  await using server = await start({ handle: (call) => calls.push(call) });
  const client = new RawClient(server.port);
  for (const path of ["/1", "/2", "/3"]) client.socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
  while (calls.length < 3) await new Promise((resolve) => setImmediate(resolve));
  // What is wrong with the fourth is told by the connection's end alone.
  client.socket.write("nonsense\r\n\r\n");
  while (server.refusals.length === 0) await new Promise((resolve) => setImmediate(resolve));
  for (const call of calls.toReversed()) echo(call);
  const replies = await client.replies();
  assert.deepEqual(
    replies.map((reply) => parseEcho(reply).url),
    ["/1", "/2", "/3"],
  );
  assert.equal(replies.at(-1)?.headers["connection"], "close");
});

test("takes no more requests from a connection on which too many wait for their answers", async () => {
  const calls: IncomingCall[] = [];
  await using server = await start({ handle: (call) => calls.push(call), limits: { callsPerConnection: 5 } });
  const client = new RawClient(server.port);
  client.socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(50));
  while (server.refusals.length === 0) await new Promise((resolve) => setImmediate(resolve));
  for (const call of calls) echo(call);
  assert.equal((await client.replies()).length, 5);
  assert.equal(calls.length, 5);
  assert.deepEqual(server.refusals, ["oversize ServiceUnavailableTemporary"]);
});

test("bounds the connections of one address and of all, and takes new ones as others end", async () => {
  for (const options of [{ maxConnectionsPerAddress: 3 }, { limits: { connections: 3 } }]) {
    await using server = await start(options);
    const clients = [1, 2, 3].map(() => new RawClient(server.port));
    await Promise.all(clients.map(({ socket }) => once(socket, "connect")));
    while (server.listener.openConnections < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await send(server.port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), []);
    assert.deepEqual(server.refusals, ["too-many-connections undefined"]);
    clients[0]?.socket.destroy();
    while (server.listener.openConnections === 3) await new Promise((resolve) => setImmediate(resolve));
    const [reply] = await send(server.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert.equal(reply?.status, 200);
    for (const { socket } of clients) socket.destroy();
  }
});

test("believes forwarded headers from configured proxies only, and does not count their connections", async () => {
  const forwarded = "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n";
  const ask = async (port: number) => {
    const [reply] = await send(port, `GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${forwarded}\r\n`);
    const { source, isSecure } = parseEcho(reply);
    return { source, isSecure };
  };
  await using stranger = await start({ trustedProxies: ["10.0.0.0/8"] });
  assert.deepEqual(await ask(stranger.port), { source: "127.0.0.1", isSecure: false });
  await using proxied = await start({ trustedProxies: ["10.0.0.0/8", "127.0.0.1"], maxConnectionsPerAddress: 1 });
  const idle = new RawClient(proxied.port);
  await once(idle.socket, "connect");
  assert.deepEqual(await ask(proxied.port), { source: "192.0.2.7", isSecure: true });
  idle.socket.destroy();
});

test("stops: idle connections end at once, open calls are answered and told that it was the last", async () => {
  const calls: IncomingCall[] = [];
  const server = await start({ handle: (call) => calls.push(call) });
  const unused = new RawClient(server.port);
  const used = new RawClient(server.port);
  const open = new RawClient(server.port);
  const halfSent = new RawClient(server.port);
  used.socket.write("GET /used HTTP/1.1\r\nHost: h\r\n\r\n");
  while (calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
  for (const call of calls.splice(0)) echo(call);
  open.socket.write("GET /open HTTP/1.1\r\nHost: h\r\n\r\n");
  halfSent.socket.write("POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
  while (calls.length < 1 || server.listener.openConnections < 4) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 20));

  const stopped = server.listener.stop(10_000);
  assert.deepEqual(await unused.replies(), []);
  assert.equal((await used.replies()).length, 1);
  await assert.rejects(once(connect(server.port, "127.0.0.1"), "connect"), { code: "ECONNREFUSED" });
  halfSent.socket.write("cd");
  while (calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
  for (const call of calls) echo(call);
  for (const client of [open, halfSent]) {
    const [reply] = await client.replies();
    assert.equal(reply?.status, 200);
    assert.equal(reply?.headers["connection"], "close");
  }
  await stopped;
  await server.listener.stop(0);
});

test("stops at the end of its grace, answered or not", async () => {
  const calls: IncomingCall[] = [];
  const server = await start({ handle: (call) => calls.push(call) });
  const client = new RawClient(server.port);
  client.socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await server.listener.stop(50);
  assert.deepEqual(await client.replies(), []);
  for (const call of calls) echo(call);
});

test("says why it cannot listen", async () => {
  await using server = await start();
  await assert.rejects(start({ port: server.port }), (error) => {
    assert(error instanceof OperatorError);
    assert.equal(error.message, `Cannot listen on 127.0.0.1:${server.port}: another process already listens there.`);
    return true;
  });
  await assert.rejects(start({ host: "192.0.2.1" }), /Cannot listen on 192\.0\.2\.1:0: this machine does not have/);
  await assert.rejects(start({ host: "no-such-host.invalid" }), OperatorError);
});

test("shows the address really bound, as this machine reaches it", async () => {
  await using loopback = await start();
  assert.equal(loopback.listener.url, `http://127.0.0.1:${loopback.port}`);
  assert(loopback.port > 0);
  await using named = await start({ host: "localhost" });
  assert.match(named.listener.url, /^http:\/\/(127\.0\.0\.1|\[::1\]):\d+$/);
});
