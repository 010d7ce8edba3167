import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** An answer as it came, byte for byte. */
export interface RawAnswer {
  readonly status: number;
  /** Status line and headers, without the empty line. */
  readonly head: string;
  readonly body: string;
}

/**
 * Has something send one request, to the URL that it is given, and returns the bytes. The signature is good for the
 * real server: it checks the Host header as it was received.
 */
export async function captureRequest(send: (endpoint: string) => Promise<unknown>): Promise<Buffer> {
  const received: Buffer[] = [];
  const requestId = "00000000-0000-0000-0000-000000000000";
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "x-acs-request-id": requestId, connection: "close" });
      response.end(JSON.stringify({ RequestId: requestId }));
    });
  });
  server.on("connection", (socket: Socket) => socket.on("data", (chunk: Buffer) => received.push(chunk)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await send(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
  return Buffer.concat(received);
}

/** Sends bytes on a connection of their own and reads one answer. */
export async function sendBytes(
  bytes: Buffer,
  { endpoint, ca }: { endpoint: URL; ca?: Buffer | undefined },
): Promise<RawAnswer> {
  const place = { host: endpoint.hostname, port: Number(endpoint.port) };
  const socket = endpoint.protocol === "https:" ? connectTls({ ...place, ca }) : connectTcp(place);
  socket.write(bytes);
  let text = "";
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const head = text.slice(0, end);
    const body = text.slice(end + "\r\n\r\n".length);
    const length = Number(/^content-length: ([0-9]+)$/im.exec(head)?.[1]);
    if (body.length < length) continue;
    return { status: Number(head.split(" ", 2)[1]), head, body: Buffer.from(body, "latin1").toString() };
  }
  throw new Error("the connection ended before the answer");
}
