import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import {
  type Backend,
  createSigningKey,
  encodeEvent,
  initStore,
  migrate,
  RootKey,
  RowGuard,
  rowGuardKeys,
  Store,
  type StoreObserver,
} from "@cinnabar/kernel";
import { NoteSigner } from "@cinnabar/merkle-log";
import { openDatabase } from "../../src/database.ts";
import { migrations } from "../../src/tables.ts";

const REGION = "cn-hangzhou";
const ORIGIN = "kms.example/store";

const observer: StoreObserver = {
  committed: () => undefined,
  missed: () => undefined,
  unavailable: (cause) => assert.fail(String(cause)),
  tampered: (error) => assert.fail(error),
  fenced: (reason) => assert.fail(reason),
  clockBehind: () => assert.fail("the clock went back"),
  checkpointed: () => undefined,
};

/** How far ahead of the computer's clock the time of every {@link AuditedStore} is, in milliseconds. */
export const storeClock = { ahead: 0 };

/** A deployment whose audit logs a test writes, without listeners and jobs. */
export class AuditedStore implements AsyncDisposable {
  readonly url: string;
  readonly rootKey: RootKey;
  readonly verifierKey: string;
  readonly #backends: Backend[] = [];

  private constructor(parts: { url: string; rootKey: RootKey; verifierKey: string }) {
    this.url = parts.url;
    this.rootKey = parts.rootKey;
    this.verifierKey = parts.verifierKey;
  }

  static async create(url: string): Promise<AuditedStore> {
    storeClock.ahead = 0;
    const rootKey = new RootKey(randomBytes(32));
    const signing = createSigningKey(rootKey, ORIGIN);
    const { verifierKey } = new NoteSigner({ name: ORIGIN, key: signing.key });
    const backend = await openDatabase(url);
    await migrate(backend, migrations);
    await initStore({
      backend,
      guard: new RowGuard(rowGuardKeys(rootKey)),
      deployment: {
        region: REGION,
        origin: ORIGIN,
        root_key_check: rootKey.checkValue,
        verifier_key: verifierKey,
        wrapped_signing_key: signing.wrapped,
      },
      rows: [],
      clockOffset: 0,
    });
    await backend.close();
    return new AuditedStore({ url, rootKey, verifierKey });
  }

  /** A process; a new node unless one is named. @param options.isKilled - its database will go away under it. */
  async open(options: { node?: string; isKilled?: boolean } = {}): Promise<Store> {
    const { node = randomBytes(16).toString("hex"), isKilled = false } = options;
    const backend = withClock(await openDatabase(this.url), () => Date.now() + storeClock.ahead);
    this.#backends.push(backend);
    const watching = isKilled ? { ...observer, unavailable: () => undefined } : observer;
    return Store.open({ backend, rootKey: this.rootKey, node, observer: watching });
  }

  /** Lets the connections of processes go that a failed test has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#backends.map((backend) => backend.close()));
  }
}

/** Puts a call on record in a batch of its own. @returns its event. */
export async function recordCall(store: Store): Promise<string> {
  let event = "";
  await new Promise<void>((settle) => {
    const submission = {
      ticket: { eventId: randomUUID().toUpperCase(), abandoned: false },
      encodeEvent: (epoch: number) => ({ text: (event = callEvent(epoch)) }),
      isCurrent: () => true,
      window: undefined,
      inserts: [],
      again: () => Promise.resolve(submission),
      settle,
    };
    store.committer.submit(submission);
  });
  return event;
}

/** A control transaction that a caller caused. @returns its event. */
export function recordControl(store: Store): Promise<string> {
  return store.control.run(({ epoch }) => {
    const event = callEvent(epoch);
    return Promise.resolve({ result: event, event });
  });
}

function callEvent(epoch: number): string {
  const account = "1234567890123456";
  return encodeEvent({
    acsRegion: REGION,
    additionalEventData: { epoch, nonceDigest: randomBytes(16).toString("base64url") },
    apiVersion: "2016-01-20",
    eventId: randomUUID().toUpperCase(),
    eventName: "Encrypt",
    eventRW: "Read",
    eventSource: "127.0.0.1:8443",
    eventTime: Date.now(),
    eventType: "ApiCall",
    recipientAccountId: account,
    // No caller makes an event the system's own by such a parameter.
    requestParameters: { eventType: "AliyunServiceEvent" },
    serviceName: "Kms",
    sourceIpAddress: "127.0.0.1",
    userAgent: "test",
    userIdentity: { accountId: account, principalId: account, type: "root-account", userName: "root" },
  });
}

/** The same database at another time. */
export function withClock(backend: Backend, clock: () => number): Backend {
  return new Proxy(backend, {
    get(target, name) {
      if (name === "clock") return () => Promise.resolve(clock());
      const value: unknown = Reflect.get(target, name, target);
      const bound: unknown = typeof value === "function" ? value.bind(target) : value;
      return bound;
    },
  });
}
