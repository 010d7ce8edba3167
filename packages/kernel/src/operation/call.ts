import { type AnswerFormat, type HttpRequest, isInstanceRequest } from "@cinnabar/rpc";
import { newRequestId } from "../platform/ids.ts";
import type { CallTrace } from "../platform/tracing.ts";
import type { Ticket } from "../store/committer.ts";
import type { InjectedFault } from "./injected-fault.ts";
import type { OpenCall } from "./open-calls.ts";
import type { DeclaredOperation } from "./operation.ts";
import type { Waiting } from "./slow-work.ts";

/** A call as a listener hands it over. */
export interface IncomingCall {
  readonly http: HttpRequest;
  /** Address of the caller, or what a trusted proxy says it is. */
  readonly sourceAddress: string;
  /** Whether the call came over TLS. */
  readonly isSecure: boolean;
  /** Hands the answer to the socket. Called once. Must not throw. */
  respond(answer: Answer): void;
}

export interface Answer {
  readonly status: number;
  /** Bytes in the instance protocol. */
  readonly body: string | Uint8Array;
  /** What the body is written in. */
  readonly format: AnswerFormat;
  readonly requestId: string;
  /** In how many milliseconds the caller may try again, where it called too often. */
  readonly retryAfterMillis?: number | undefined;
  /** In the instance protocol, the key version that the call was served with, which its messages have no field for. */
  readonly keyVersionId?: string | undefined;
}

/** A call from its arrival to its answer. */
export class Call implements Ticket, OpenCall, Waiting {
  readonly incoming: IncomingCall;
  readonly eventId = newRequestId();
  readonly arrivedAt = performance.now();
  /** Since when it waits for its record: since it arrived, or was last busy with slow work. */
  waitsSince = this.arrivedAt;
  isBusy = false;
  isPatient = false;
  readonly host: string;
  previous: this | undefined = undefined;
  next: this | undefined = undefined;
  abandoned = false;
  /** Set if the call was one too many for its account. */
  retryAfterMillis: number | undefined;
  /** Set once the call has had its turn in a queue. */
  hadTurn = false;
  /** Set once what the call needs done first has been tried. */
  isPrepared = false;
  /** How often it needed work under the epoch's lock. */
  workRounds = 0;
  /** Until the request has been read, and if it cannot be, JSON, or what the instance protocol has. */
  format: AnswerFormat;
  operation: DeclaredOperation | undefined;
  /** Set by an emulator that was told to. */
  fault: InjectedFault | undefined;
  /** Set if calls are traced. */
  trace: CallTrace | undefined;

  readonly #setBusy: (call: Call, isBusy: boolean) => void;
  #work = 0;

  constructor(incoming: IncomingCall, setBusy: (call: Call, isBusy: boolean) => void) {
    this.incoming = incoming;
    const { headers } = incoming.http;
    this.host = textHeader(headers["host"]);
    this.format = isInstanceRequest(headers) ? "PROTOBUF" : "JSON";
    this.#setBusy = setBusy;
  }

  busyUntil(work: Promise<unknown>): void {
    this.#work++;
    this.#setBusy(this, true);
    const ended = (): void => {
      this.#work--;
      if (this.#work === 0) this.#setBusy(this, false);
    };
    work.then(ended, ended);
  }
}

/** A header that was sent once; empty if it was not. */
export function textHeader(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : "";
}
