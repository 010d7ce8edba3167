import { connect } from "node:net";
import { Violation } from "../engine/target.ts";
import type { HttpAnswer } from "./answer.ts";

/** Far longer than an answer takes on a slow machine, and than the server gives anybody to send a request. */
const ANSWER_MILLIS = 60_000;
const EMPTY_LINE = Buffer.from("\r\n\r\n");

/**
 * Sends bytes on a connection of their own, says that no more will come, and takes all that is answered.
 *
 * @throws Violation if the server neither answers nor closes in time, or what it sends is not whole answers.
 */
export async function exchange(endpoint: URL, bytes: Uint8Array): Promise<readonly HttpAnswer[]> {
  const socket = connect({ host: endpoint.hostname, port: Number(endpoint.port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  let isReset = false;
  socket.on("error", () => {
    isReset = true;
  });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.end(bytes);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    socket.destroy();
  }, ANSWER_MILLIS);
  await closed;
  clearTimeout(timer);
  if (timedOut) throw new Violation(`neither an answer nor an end within ${ANSWER_MILLIS} ms`);
  const answers = parseAnswers(Buffer.concat(chunks));
  if (isReset && answers.length === 0) throw new Violation(`${bytes.length} bytes were answered with a reset`);
  return answers;
}

/** @throws Violation for anything but whole answers, one after another. */
function parseAnswers(bytes: Buffer): HttpAnswer[] {
  const answers: HttpAnswer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const end = rest.indexOf(EMPTY_LINE);
    if (end === -1) throw new Violation(`an answer ends within its headers: ${show(rest)}`);
    const [line = "", ...lines] = rest.toString("latin1", 0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(line)?.[1]);
    if (Number.isNaN(status)) throw new Violation(`an answer begins with no status: ${show(rest)}`);
    const headers = new Map(lines.map((header) => splitHeader(header)));
    const bodyAt = end + EMPTY_LINE.length;
    // An interim answer has no body.
    const length = status < 200 ? 0 : Number(headers.get("content-length") ?? Number.NaN);
    if (Number.isNaN(length)) throw new Violation(`an answer without a length: ${show(rest)}`);
    if (rest.length < bodyAt + length) throw new Violation(`an answer ends within its body: ${show(rest)}`);
    if (status >= 200) answers.push({ status, headers, body: rest.toString("utf8", bodyAt, bodyAt + length) });
    rest = rest.subarray(bodyAt + length);
  }
  return answers;
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function show(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1", 0, 300));
}
