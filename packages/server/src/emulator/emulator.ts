import type { Logger } from "@cinnabar/kernel";
import { startSqliteThreads } from "@cinnabar/kernel/sqlite-threads";
import { openDatabase } from "../database.ts";
import type { AdminListenerOptions } from "../listener/index.ts";
import { CinnabarNode, type NodeOptions } from "../node.ts";
import { openDeployment } from "../open-deployment.ts";
import { ControlApi } from "./control-api.ts";
import { FaultRules, type FaultRule, type StandingRule } from "./fault-rules.ts";
import { Refusal } from "./refusal.ts";
import { FRESH, Snapshots } from "./snapshots.ts";
import { StandingListeners } from "./standing-listeners.ts";
import { LAST_INSTANT, travelTo } from "./time-travel.ts";

const STOP_GRACE_MILLIS = 10_000;
const MAX_SNAPSHOTS = 100;
const MAX_RULES = 100;

/** What an emulator says of itself. */
export interface EmulatorState {
  readonly emulator: true;
  /** The API's URL. */
  readonly endpoint: string;
  readonly region: string;
  /** Name of the audit log in its checkpoints. */
  readonly origin: string;
  /** The store's time, as ISO 8601 has it. */
  readonly time: string;
  readonly faults: readonly StandingRule[];
  readonly snapshots: readonly string[];
}

/**
 * A node whose time can be moved, whose calls can be made to fail, and whose store can be put back. What is asked of it
 * is done one thing after the other.
 */
export class Emulator implements AsyncDisposable {
  readonly #options: NodeOptions;
  readonly #snapshots: Snapshots;
  readonly #faults = new FaultRules();
  readonly #listeners: StandingListeners;
  #node: CinnabarNode | undefined;
  #operations: ReadonlySet<string> = new Set();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: NodeOptions, data: string) {
    this.#options = options;
    this.#snapshots = new Snapshots(data);
    const api = new ControlApi(this);
    const emulator: AdminListenerOptions["emulator"] = (request) => api.answer(request);
    this.#listeners = new StandingListeners(emulator);
  }

  /**
   * Starts it on a data directory that the emulator made, or on a new one.
   *
   * @throws OperatorError if the store is not an emulator's; then nothing listens and nothing was changed.
   */
  static async start(options: NodeOptions, data: string): Promise<Emulator> {
    const emulator = new Emulator(options, data);
    await emulator.#inTurn(async () => {
      await emulator.#keepFresh();
      await emulator.#startNode();
    });
    return emulator;
  }

  /** The node that serves now. */
  get node(): CinnabarNode {
    if (this.#node === undefined) throw new Error("the emulator's node is being started");
    return this.#node;
  }

  state(): Promise<EmulatorState> {
    return this.#inTurn(async () => {
      const { url, store } = this.node;
      return {
        emulator: true,
        endpoint: url,
        region: store.region,
        origin: store.origin,
        time: toText(store.clock.now()),
        faults: this.#faults.list(),
        snapshots: await this.#snapshots.list(),
      };
    });
  }

  /** Sets the store's time, or moves it on by so many milliseconds. @throws {@link Refusal} if it would go back. */
  travel(to: { readonly at: number } | { readonly byMillis: number }): Promise<{ before: string; time: string }> {
    return this.#inTurn(async () => {
      const now = this.node.store.clock.now();
      const target = "at" in to ? to.at : now + to.byMillis;
      if (target < now) {
        throw new Refusal(
          409,
          `It is ${toText(now)} already, and time never goes back: what was decided by it stands in the store and in the audit log. Go back with a snapshot: POST /emulator/reset.`,
        );
      }
      if (target > LAST_INSTANT) throw new Refusal(400, `Time ends at ${toText(LAST_INSTANT)} here.`);
      const { before, after } = await travelTo(this.node, target);
      return { before: toText(before), time: toText(after) };
    });
  }

  /** Names of the operations that are served. */
  get operations(): ReadonlySet<string> {
    return this.#operations;
  }

  /** @throws {@link Refusal} if there are too many already. */
  addFault(rule: FaultRule): StandingRule {
    if (this.#faults.size >= MAX_RULES) throw new Refusal(409, `There are ${MAX_RULES} faults already.`);
    return this.#faults.add(rule);
  }

  get faults(): readonly StandingRule[] {
    return this.#faults.list();
  }

  /** @param id - of the fault to remove; all of them if left out. @throws {@link Refusal} if there is none of that id. */
  removeFaults(id?: number): void {
    if (id === undefined) this.#faults.clear();
    else if (!this.#faults.remove(id)) throw new Refusal(404, `There is no fault ${id}.`);
  }

  /** Keeps the store as it is. What had the name is replaced. @throws {@link Refusal} if there are too many. */
  snapshot(name: string): Promise<{ name: string; time: string }> {
    return this.#inTurn(async () => {
      if (name === FRESH) throw new Refusal(409, `"${FRESH}" is the emulator's own snapshot: take another name.`);
      const names = await this.#snapshots.list();
      if (!names.includes(name) && names.length >= MAX_SNAPSHOTS) {
        throw new Refusal(409, `There are ${MAX_SNAPSHOTS} snapshots already: take the name of one of them.`);
      }
      const time = toText(this.node.store.clock.now());
      await this.#whileStopped(() => this.#snapshots.take(name));
      return { name, time };
    });
  }

  /** Puts the store back and forgets all faults. @throws {@link Refusal} if there is no such snapshot. */
  reset(name: string): Promise<{ name: string; time: string }> {
    return this.#inTurn(async () => {
      const names = await this.#snapshots.list();
      if (!names.includes(name)) {
        throw new Refusal(404, `There is no snapshot "${name}". There are: ${names.join(", ")}.`);
      }
      await this.#whileStopped(() => this.#snapshots.putBack(name));
      this.#faults.clear();
      return { name, time: toText(this.node.store.clock.now()) };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(async () => {
      await this.#listeners.stop(STOP_GRACE_MILLIS);
      await this.#node?.stop();
    });
  }

  /** Makes the store, if it is not there, and keeps it as it is before anybody has called. */
  async #keepFresh(): Promise<void> {
    if ((await this.#snapshots.list()).includes(FRESH)) return;
    const { database, seal, create } = this.#options;
    const backend = await openDatabase(database);
    try {
      await openDeployment({ backend, seal, create, isEmulator: true });
    } finally {
      await backend.close();
    }
    await this.#snapshots.take(FRESH);
  }

  async #startNode(): Promise<void> {
    this.#node = await CinnabarNode.start({
      ...this.#options,
      // The way from a deletion that is due to the destruction is not to be waited for in a test.
      destruction: this.#options.destruction && { ...this.#options.destruction, delayMillis: 0 },
      listeners: this.#listeners,
      emulator: { injectFault: (call) => this.#faults.apply(call) },
    });
    this.#operations = new Set(this.#node.pipeline.operations.map(({ name }) => name));
  }

  /** Does something to the store's files. Calls wait meanwhile; if no node comes up again, the process cannot go on. */
  async #whileStopped(work: () => Promise<void>): Promise<void> {
    const { node } = this;
    const log: Logger = node.log;
    this.#node = undefined;
    // Those of the next node's store start while this one stops.
    startSqliteThreads();
    try {
      await node.stop();
      await work();
    } finally {
      await this.#startNode().catch((error: unknown) => {
        log.fatal({ err: error }, "the emulator's store cannot be opened again");
        this.#options.fatal("the emulator's store cannot be opened again");
        throw error;
      });
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function toText(millis: number): string {
  return new Date(millis).toISOString();
}
