import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { CallOptions, CallParameters, ClientSetup, Outcome } from "./official-client.ts";

const HOST = fileURLToPath(new URL("client-host.ts", import.meta.url));

export interface ClientCall {
  readonly setup: ClientSetup;
  readonly action: string;
  readonly parameters: CallParameters;
  readonly options: CallOptions;
}

export type HostRequest = ClientCall & { readonly id: number };

export type HostReply =
  | { readonly id: number; readonly outcome: Outcome; readonly failure?: undefined }
  /** The client failed otherwise than by an answer of the service, or contradicts itself. */
  | { readonly id: number; readonly outcome?: undefined; readonly failure: string | undefined };

/**
 * The official clients in a process of their own, as their users have them: not all of them can be given a CA, but
 * every Node can, by NODE_EXTRA_CA_CERTS when it starts.
 */
export class ClientProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<Outcome>>();
  #lastId = 0;

  /** @param caFile - the CA to trust, for https. */
  constructor(caFile: string | undefined) {
    const env = caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: caFile };
    this.#child = fork(HOST, { env, execArgv: [], serialization: "advanced" });
    this.#child.on("message", (reply: HostReply) => this.#settle(reply));
    this.#child.on("exit", (code) => {
      for (const waiting of this.#waiting.values())
        waiting.reject(new Error(`the clients' process ended with ${code}`));
    });
  }

  call(call: ClientCall): Promise<Outcome> {
    const request: HostRequest = { ...call, id: ++this.#lastId };
    const waiting = Promise.withResolvers<Outcome>();
    this.#waiting.set(request.id, waiting);
    this.#child.send(request);
    return waiting.promise;
  }

  #settle({ id, outcome, failure }: HostReply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (outcome === undefined) waiting?.reject(new Error(failure));
    else waiting?.resolve(outcome);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }
}
