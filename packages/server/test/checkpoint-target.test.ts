import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { appendFile, readFile, rename, stat } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { parseCheckpointLines } from "../src/audit/checkpoint-line.ts";
import { checkpointTarget, describeCheckpointAddress, parseCheckpointAddress } from "../src/checkpoints/index.ts";
import { AuditFixture, ORIGIN } from "./support/audit-fixture.ts";
import { withTemporaryDirectory } from "./support/temporary-directory.ts";

/** Runs `body` with an empty directory and signed notes of the control log, each larger than the one before. */
function withNotes(body: (directory: string, notes: readonly string[]) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (directory) => {
    using fixture = await AuditFixture.create(join(directory, "cinnabar.db"));
    const notes = Array.from({ length: 3 }, () => {
      fixture.controlCall("DisableKey");
      return fixture.note(0);
    });
    await body(directory, notes);
  });
}

function addressOf(setting: string) {
  return parseCheckpointAddress(setting) ?? assert.fail(setting);
}

function targetOf(setting: string) {
  return checkpointTarget(addressOf(setting));
}

test("reads every kind of address, and shows it without what may be secret", () => {
  const shown = (setting: string) => describeCheckpointAddress(addressOf(setting));
  assert.equal(shown("checkpoints"), resolve("checkpoints"));
  assert.equal(shown("/var/log/a:b"), "/var/log/a:b");
  assert.equal(shown("https://user:password@log.example/a?token=secret"), "https://log.example/a");
  assert.equal(shown("http://127.0.0.1:9000"), "http://127.0.0.1:9000/");
  assert.equal(shown("syslog"), "syslog at 127.0.0.1 port 514");
  assert.equal(shown("syslog://log.example"), "syslog at log.example port 514");
  assert.equal(shown("syslog://[::1]:1514"), "syslog at ::1 port 1514");
  for (const wrong of [
    "",
    "ftp://log.example",
    "syslog://",
    "syslog://a/b",
    "syslog://a:x",
    "https://",
    "https://a:x",
  ]) {
    assert.equal(parseCheckpointAddress(wrong), undefined, wrong);
  }
});

test("appends to a file that its owner alone can read, also after it was moved away or cut off", () =>
  withNotes(async (directory, notes) => {
    const path = join(directory, "checkpoints");
    const target = targetOf(path);
    const [first = "", second = "", third = ""] = notes;
    await target.deliver(first);
    await target.deliver(second);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const read = async (from: string) => parseCheckpointLines(await readFile(from, "utf8"), ORIGIN).map((c) => c.note);
    assert.deepEqual(await read(path), [first, second]);
    await rename(path, `${path}.1`);
    await target.deliver(first);
    await appendFile(path, "cinnabar/checkpoint/v1 torn");
    await target.deliver(third);
    assert.deepEqual(await read(path), [first, third]);
    assert.deepEqual(await read(`${path}.1`), [first, second]);
    await assert.rejects(targetOf(join(directory, "no", "such")).deliver(first), { code: "ENOENT" });
  }));

test("posts the note as it is to a URL, and takes nothing but success for delivered", () =>
  withNotes(async (_directory, [note = ""]) => {
    const requests: { request: IncomingMessage; body: string }[] = [];
    let status = 204;
    await using server = createServer((request, response) => {
      void text(request).then((body) => {
        requests.push({ request, body });
        response.writeHead(status, { Location: "/elsewhere" }).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const url = `http://us%40er:pass%3Aword@127.0.0.1:${port}/checkpoints?log=1`;
    await targetOf(url).deliver(note);
    const [{ request, body }] = requests as [(typeof requests)[number]];
    assert.equal(body, note);
    assert.deepEqual([request.method, request.url], ["POST", "/checkpoints?log=1"]);
    assert.equal(request.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(request.headers.authorization, `Basic ${Buffer.from("us@er:pass:word").toString("base64")}`);
    for (status of [302, 404, 500]) {
      await assert.rejects(targetOf(url).deliver(note), new RegExp(`the receiver answered ${status}`));
    }
    assert.equal(requests.length, 4, "no redirect is followed");
    server.closeAllConnections();
  }));

test("sends one datagram of RFC 5424 to syslog", () =>
  withNotes(async (_directory, [note = ""]) => {
    const socket = createSocket("udp4");
    try {
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      const received = once(socket, "message") as Promise<[Buffer]>;
      await targetOf(`syslog://127.0.0.1:${socket.address().port}`).deliver(note);
      const [datagram] = await received;
      const message = datagram.toString();
      assert.match(message, /^<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]{1,255} cinnabar \d+ checkpoint - \S/);
      assert.ok(datagram.length <= 1024);
      assert.deepEqual(parseCheckpointLines(message, ORIGIN), [{ shard: 0, note }]);
    } finally {
      socket.close();
    }
  }));

test("notices that nobody on this machine listens for syslog", () =>
  withNotes(async (_directory, [note = ""]) => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    socket.close();
    await once(socket, "close");
    await assert.rejects(targetOf(`syslog://127.0.0.1:${port}`).deliver(note), { code: "ECONNREFUSED" });
  }));
