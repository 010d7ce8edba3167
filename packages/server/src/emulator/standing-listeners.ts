import type {
  AdminListener,
  AdminListenerOptions,
  ListenerCall,
  NodeListeners,
  RpcListener,
  RpcListenerOptions,
} from "../listener/index.ts";
import { startAdminListener, startRpcListener } from "../listener/index.ts";
import { EmulatedCall } from "./emulated-call.ts";

const RESETTING = { ready: false, reasons: ["the emulator is changing its store"] };

/**
 * The listeners of an emulator: they stand while the node behind them is stopped and another one is started. What comes
 * in meanwhile waits.
 */
export class StandingListeners implements NodeListeners {
  readonly #emulator: AdminListenerOptions["emulator"];
  #rpc: RpcListener | undefined;
  #admin: AdminListener | undefined;
  #node: RpcListenerOptions | undefined;
  #watched: AdminListenerOptions | undefined;
  #waiting: ListenerCall[] = [];
  /** Calls that the node has not answered yet. */
  #open = 0;
  #quiet: (() => void) | undefined;

  /** @param emulator - answers what is asked of the emulator itself. */
  constructor(emulator: AdminListenerOptions["emulator"]) {
    this.#emulator = emulator;
  }

  /** The API's listener, for the node that starts; calls that waited for it begin at once. */
  async startRpc(options: RpcListenerOptions): Promise<Pick<RpcListener, "url" | "stop">> {
    this.#rpc ??= await startRpcListener({
      ...options,
      isEmulator: true,
      handle: (call) => this.#handle(call),
      isIssuedClientKey: (id) => (this.#node ?? options).isIssuedClientKey?.(id) === true,
      onRefused: (reason, details) => this.#node?.onRefused(reason, details),
    });
    this.#node = options;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.#handle(call);
    return { url: this.#rpc.url, stop: () => this.#detach() };
  }

  /** The admin listener, for the node that starts. */
  async startAdmin(options: AdminListenerOptions): Promise<Pick<AdminListener, "url" | "stop">> {
    this.#watched = options;
    this.#admin ??= await startAdminListener({
      ...options,
      emulator: this.#emulator,
      metrics: {
        contentType: options.metrics.contentType,
        expose: () => (this.#watched ?? options).metrics.expose(),
      },
      ready: () => this.#watched?.ready() ?? RESETTING,
    });
    return {
      url: this.#admin.url,
      stop: () => {
        this.#watched = undefined;
        return Promise.resolve();
      },
    };
  }

  /** Ends both. @param graceMillis - for calls that are open. */
  async stop(graceMillis: number): Promise<void> {
    await this.#rpc?.stop(graceMillis);
    await this.#admin?.stop();
  }

  #handle(call: ListenerCall): void {
    if (this.#node === undefined) {
      this.#waiting.push(call);
      return;
    }
    this.#open++;
    this.#node.handle(new EmulatedCall(call, () => this.#settle()));
  }

  #settle(): void {
    this.#open--;
    if (this.#open === 0) this.#quiet?.();
  }

  /** The node takes no more calls; settles when it has answered those that it has. */
  async #detach(): Promise<void> {
    this.#node = undefined;
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#quiet = resolve;
    await promise;
    this.#quiet = undefined;
  }
}
