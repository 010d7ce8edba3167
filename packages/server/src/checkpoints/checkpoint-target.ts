import { createSocket } from "node:dgram";
import { open } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { syncDirectory } from "@cinnabar/kernel";
import { formatCheckpointLine } from "../audit/checkpoint-line.ts";
import type { CheckpointAddress } from "./checkpoint-address.ts";

/** Takes checkpoints outside of the database, one at a time. */
export interface CheckpointTarget {
  /** Settles when the note is there; rejects if it may not be. A note may come more than once. */
  deliver(note: string): Promise<void>;
}

const HTTP_PATIENCE_MILLIS = 5_000;
/** A datagram that nobody takes on this machine comes back as an error at once, but only after it was sent. */
const DATAGRAM_SETTLE_MILLIS = 20;
/** Facility 13, log audit, and severity 5, notice (RFC 5424 section 6.2.1). */
const SYSLOG_PRIORITY = 13 * 8 + 5;

export function checkpointTarget(address: CheckpointAddress): CheckpointTarget {
  switch (address.kind) {
    case "file":
      return { deliver: (note) => appendToFile(address.path, note) };
    case "http":
      return { deliver: (note) => post(address.url, note) };
    case "syslog":
      return { deliver: (note) => sendToSyslog(address, note) };
  }
}

/** The file is opened anew each time, so that it can be moved away for keeping. */
async function appendToFile(path: string, note: string): Promise<void> {
  await using file = await open(path, "a+", 0o600);
  const { size } = await file.stat();
  // A line that a crash has cut off must not swallow this one.
  const isTorn = size > 0 && (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] !== 0x0a;
  await file.appendFile(`${isTorn ? "\n" : ""}${formatCheckpointLine(note)}\n`);
  await file.sync();
  if (size === 0) await syncDirectory(dirname(path));
}

async function post(address: URL, note: string): Promise<void> {
  const { username, password } = address;
  const url = new URL(address);
  url.username = url.password = "";
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      ...(username === "" && password === "" ? {} : { Authorization: `Basic ${basic}` }),
    },
    body: note,
    redirect: "manual",
    signal: AbortSignal.timeout(HTTP_PATIENCE_MILLIS),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`);
}

/** One datagram (RFC 5426). That it was sent is all that there is to know. */
async function sendToSyslog({ host, port }: { host: string; port: number }, note: string): Promise<void> {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  const { promise: failed, reject } = Promise.withResolvers<never>();
  socket.on("error", reject);
  try {
    await Promise.race([failed, new Promise<void>((done) => socket.connect(port, host, done))]);
    const message = syslogMessage(formatCheckpointLine(note), Date.now());
    await Promise.race([
      failed,
      new Promise<void>((done, fail) => socket.send(message, (error) => (error === null ? done() : fail(error)))),
    ]);
    await Promise.race([failed, setTimeout(DATAGRAM_SETTLE_MILLIS)]);
  } finally {
    failed.catch(() => undefined);
    socket.close();
  }
}

/** RFC 5424 section 6: no structured data, the checkpoint's line as the message. */
function syslogMessage(line: string, now: number): string {
  const host = hostname();
  const name = /^[!-~]{1,255}$/.test(host) ? host : "-";
  return `<${SYSLOG_PRIORITY}>1 ${new Date(now).toISOString()} ${name} cinnabar ${process.pid} checkpoint - ${line}`;
}
