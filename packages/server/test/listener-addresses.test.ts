import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { ConnectionCounter } from "../src/listener/connection-counter.ts";
import { readForwarded, unmapped } from "../src/listener/forwarded.ts";
import { formatListenAddress, isLoopback, parseListenAddress, parseNetworks } from "../src/listener/index.ts";
import { contains } from "../src/listener/networks.ts";

test("reads and writes addresses to listen on", () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant("localhost"));
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      assert.deepEqual(parseListenAddress(formatListenAddress({ host, port })), { host, port });
    }),
  );
  for (const text of [
    "",
    ":",
    ":80",
    "80",
    "h",
    "h:",
    "h:65536",
    "h:-1",
    "h:1e3",
    "h:8 ",
    "::1:80",
    "[::1]",
    "[h]:1",
    "a b:1",
    "http://h:1",
  ]) {
    assert.equal(parseListenAddress(text), undefined, text);
  }
});

test("tells loopback addresses from all others", () => {
  for (const host of ["127.0.0.1", "127.255.0.1", "::1", "0:0:0:0:0:0:0:1", "localhost"])
    assert(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "::2", "localhost.example", "127.example"]) {
    assert(!isLoopback(host), host);
  }
});

test("knows which addresses a network holds, and what is none", () => {
  const networks = parseNetworks(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"]);
  for (const address of ["10.255.0.1", "192.0.2.1", "2001:db8:ffff::1", "::1"])
    assert(contains(networks, address), address);
  for (const address of ["11.0.0.1", "192.0.2.2", "2001:db9::", "::2"]) assert(!contains(networks, address), address);
  for (const network of ["", "10", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "localhost", "/8"]) {
    assert.throws(() => parseNetworks([network]), RangeError, network);
  }
});

test("takes the last address that no trusted proxy wrote for the caller's", () => {
  const trusted = parseNetworks(["10.0.0.0/8", "::1"]);
  const peer = { sourceAddress: "10.0.0.1", isSecure: false };
  const source = (header?: string) => readForwarded({ "x-forwarded-for": header }, { peer, trusted }).sourceAddress;
  assert.equal(source(undefined), "10.0.0.1");
  assert.equal(source(""), "10.0.0.1");
  assert.equal(source("192.0.2.1"), "192.0.2.1");
  assert.equal(source("1.1.1.1, 192.0.2.1"), "192.0.2.1");
  assert.equal(source("1.1.1.1,192.0.2.1 , 10.9.9.9,::1"), "192.0.2.1");
  assert.equal(source("10.0.0.3, 10.0.0.2"), "10.0.0.3");
  assert.equal(source("1.1.1.1, unknown, 10.0.0.2"), "10.0.0.2");
  assert.equal(source("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(source("2001:DB8::1"), "2001:db8::1");
});

test("calls a way secure only if every part of it was", () => {
  const trusted = parseNetworks([]);
  const isSecure = (header: string | undefined, own: boolean) =>
    readForwarded({ "x-forwarded-proto": header }, { peer: { sourceAddress: "::1", isSecure: own }, trusted }).isSecure;
  assert.equal(isSecure("https", false), true);
  assert.equal(isSecure("HTTPS, https", false), true);
  assert.equal(isSecure("http", true), false);
  assert.equal(isSecure("https, http", true), false);
  assert.equal(isSecure(undefined, true), true);
  assert.equal(isSecure(undefined, false), false);
});

test("counts an IPv6 network of 64 bits as one address", () => {
  const counter = new ConnectionCounter(2);
  assert(counter.enter("2001:db8::1"));
  assert(counter.enter("2001:db8:0:0:ffff::2"));
  assert(!counter.enter("2001:db8::3"));
  assert(counter.enter("2001:db8:0:1::1"));
  assert(counter.enter("::1"));
  counter.leave("2001:db8::1");
  assert(counter.enter("2001:db8:0:0:1:2:3:4"));
  assert(!counter.enter("2001:db8::"));
});

test("lets in as many as leave", () => {
  const counter = new ConnectionCounter(1);
  for (let i = 0; i < 5; i++) {
    assert(counter.enter("192.0.2.1"));
    assert(!counter.enter("192.0.2.1"));
    assert(counter.enter("192.0.2.2"));
    counter.leave("192.0.2.1");
    counter.leave("192.0.2.2");
  }
});

test("shows an IPv4 caller of a socket for both kinds as such", () => {
  assert.equal(unmapped("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(unmapped("::ffff:1"), "::ffff:1");
  assert.equal(unmapped("2001:db8::1"), "2001:db8::1");
});
