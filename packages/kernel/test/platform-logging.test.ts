import assert from "node:assert/strict";
import { test } from "node:test";

import { createLogger, type LogLevel, REFUSAL_REASONS, SecurityLog } from "../src/platform/index.ts";

function recorded(level: LogLevel = "info") {
  const lines: string[] = [];
  let time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const now = () => time;
  const logger = createLogger({ level, destination: { write: (line) => void lines.push(line) }, now });
  return {
    logger,
    now,
    advance: (millis: number) => {
      time += millis;
    },
    entries: () => lines.map((line): unknown => JSON.parse(line)),
    lines,
  };
}

test("logs one JSON object a line, with the level as a word and the time of its clock", () => {
  const log = recorded();
  log.logger.info({ port: 8443 }, "listening");
  assert.deepEqual(log.entries(), [
    { level: "info", time: "2026-01-02T03:04:05.678Z", pid: process.pid, port: 8443, msg: "listening" },
  ]);
  assert.match(log.lines[0] ?? "", /^[^\n]*\n$/);
});

test("leaves out what is below its level", () => {
  const log = recorded("warn");
  log.logger.info("quiet");
  log.logger.error({ err: new Error("disk") }, "loud");
  assert.equal(log.lines.length, 1);
  assert.match(log.lines[0] ?? "", /"message":"disk"/);
});

test("blacks out fields with the names of secrets, should anybody ever log them", () => {
  const log = recorded();
  log.logger.info({
    AccessKeySecret: "s3cret",
    parameters: { Plaintext: "s3cret", KeyId: "k" },
    headers: { authorization: "s3cret" },
  });
  assert.doesNotMatch(log.lines[0] ?? "", /s3cret/);
  assert.match(log.lines[0] ?? "", /"KeyId":"k"/);
});

test("writes so many refusals a second for each reason, then one line that counts the rest", () => {
  const log = recorded();
  const security = new SecurityLog({ logger: log.logger, linesPerSecond: 2, now: log.now });
  for (let i = 0; i < 5; i++) security.refused("bad-signature", { address: "127.0.0.1", attempt: i });
  security.refused("used-nonce", {});
  assert.equal(log.lines.length, 3);

  log.advance(1000);
  security.refused("bad-signature", { attempt: 5 });
  const common = { pid: process.pid, reason: "bad-signature", level: "warn", time: "2026-01-02T03:04:06.678Z" };
  assert.deepEqual(log.entries().slice(3), [
    { ...common, suppressed: 3, msg: "further requests refused" },
    { ...common, attempt: 5, msg: "request refused" },
  ]);
});

test("tells on request how many refusals it has not written, and only once", () => {
  const log = recorded();
  const security = new SecurityLog({ logger: log.logger, linesPerSecond: 1, now: log.now });
  for (const reason of REFUSAL_REASONS) {
    security.refused(reason, {});
    security.refused(reason, {});
  }
  security.flush();
  security.flush();
  assert.equal(log.lines.length, 2 * REFUSAL_REASONS.length);
  assert.equal(log.lines.filter((line) => line.includes('"suppressed":1')).length, REFUSAL_REASONS.length);
});

test("cuts what an unknown caller claims, and keeps it on one line", () => {
  const log = recorded();
  const security = new SecurityLog({ logger: log.logger, linesPerSecond: 1, now: log.now });
  security.refused("malformed", { userAgent: `a\n"b"${"x".repeat(10_000)}` });
  const line = log.lines[0] ?? "";
  assert.ok(line.length < 600);
  assert.equal(line.indexOf("\n"), line.length - 1);
});
