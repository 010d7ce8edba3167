import { Agent, request } from "node:http";
import { once } from "node:events";
import type { Credentials } from "@cinnabar/client";
import { Violation } from "../engine/target.ts";
import { type CheckedAnswer, checkAnswer } from "./answer.ts";
import { type Field, signedForm, unsignedForm } from "./sign-bytes.ts";

const ANSWER_MILLIS = 60_000;

/** Sends signed forms over connections that stay open, and checks what every answer promises. */
export class FormCaller implements Disposable {
  readonly #endpoint: URL;
  readonly #credentials: Credentials;
  readonly #agent = new Agent({ keepAlive: true });

  constructor({ endpoint, credentials }: { endpoint: URL; credentials: Credentials }) {
    this.#endpoint = endpoint;
    this.#credentials = credentials;
  }

  /** @throws Violation if there is no answer in time, or the answer is not in order. */
  call(fields: readonly Field[]): Promise<CheckedAnswer> {
    return this.#send(signedForm(fields, this.#credentials));
  }

  /** The same without a signature. */
  callUnsigned(fields: readonly Field[]): Promise<CheckedAnswer> {
    return this.#send(unsignedForm(fields));
  }

  async #send(body: Buffer): Promise<CheckedAnswer> {
    const sent = request(this.#endpoint, {
      method: "POST",
      agent: this.#agent,
      timeout: ANSWER_MILLIS,
      headers: { "content-type": "application/x-www-form-urlencoded", "content-length": body.length },
    });
    const answered = once(sent, "response") as Promise<[import("node:http").IncomingMessage]>;
    sent.on("timeout", () => sent.destroy(new Violation(`no answer within ${ANSWER_MILLIS} ms`)));
    sent.end(body);
    const [response] = await answered.catch((error: unknown) => {
      if (error instanceof Violation) throw error;
      throw new Violation(`the connection broke: ${String(error)}`);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const headers = new Map(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
    return checkAnswer({ status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString() });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
