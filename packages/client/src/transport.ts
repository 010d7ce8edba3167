import http from "node:http";
import https from "node:https";
import type { SignedRequest } from "@cinnabar/rpc";
import { TransportError } from "./transport-error.ts";

/** The service's own answers stay below a tenth of this. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What OpenSSL calls it, in `write EPROTO …:error:0A00010B:SSL routines:FUNCTION:REASON:FILE:LINE:`. */
const TLS_REASON = /:SSL routines:[^:]*:([^:]+):/;

export interface HttpAnswer {
  readonly status: number;
  readonly requestId: string;
  readonly text: string;
}

/** Sends requests to one endpoint over connections that it keeps open. */
export class Transport {
  readonly #endpoint: URL;
  readonly #agent: http.Agent;
  readonly #timeoutMillis: number;

  constructor({ endpoint, ca, timeoutMillis }: { endpoint: URL; ca: string | undefined; timeoutMillis: number }) {
    this.#endpoint = endpoint;
    this.#agent =
      endpoint.protocol === "https:"
        ? new https.Agent({ keepAlive: true, ...(ca !== undefined && { ca }) })
        : new http.Agent({ keepAlive: true });
    this.#timeoutMillis = timeoutMillis;
  }

  async exchange(request: SignedRequest): Promise<HttpAnswer> {
    const signal = AbortSignal.timeout(this.#timeoutMillis);
    try {
      const response = await this.#send(request, signal);
      const { statusCode: status = 0, headers } = response;
      const requestId = headers["x-acs-request-id"];
      return { status, requestId: typeof requestId === "string" ? requestId : "", text: await readText(response) };
    } catch (error) {
      if (error instanceof TransportError) throw error;
      const reason = signal.aborted ? `no answer within ${this.#timeoutMillis} ms` : describe(error);
      throw new TransportError(`Cannot call ${this.#endpoint.origin}: ${reason}`, { cause: error });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(request: SignedRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { request: open } = this.#endpoint.protocol === "https:" ? https : http;
    const { method, url: path, headers } = request;
    return new Promise((resolve, reject) => {
      open(this.#endpoint, { method, path, headers, signal, agent: this.#agent }, resolve)
        .on("error", reject)
        .end(request.body);
    });
  }
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("The response stream has an encoding");
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new TransportError(`The answer is longer than ${MAX_ANSWER_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function describe(error: unknown): string {
  // When every address of a name refuses, node:net reports them together and without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  const reason = TLS_REASON.exec(message)?.[1];
  return reason === undefined ? message : `it is no endpoint of https, or of another TLS: ${reason}`;
}
