import { createServer } from "node:http";

/**
 * The yardstick: bare node:http that parses a JSON request and answers JSON, as many bytes each as Encrypt has.
 * Its argument is the length of an answer. Prints its port.
 */

const answerBytes = Number(process.argv[2]);
const answerOf = (text: string): string => JSON.stringify({ KeyId: "", CiphertextBlob: text });
const textBytes = answerBytes - answerOf("").length;

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const call: unknown = JSON.parse(Buffer.concat(chunks).toString());
    const body = answerOf(textOf(call).padEnd(textBytes, "=").slice(0, textBytes));
    response.writeHead(200, {
      "content-type": "application/json;charset=utf-8",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  });
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(address?.port);
});

function textOf(call: unknown): string {
  return typeof call === "object" && call !== null && "text" in call && typeof call.text === "string" ? call.text : "";
}
