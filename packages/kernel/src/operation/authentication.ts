import {
  assertFresh,
  assertSignedFor,
  type ClientKeyVerifier,
  INSTANCE_API_VERSION,
  parseRequest,
  parseUnsignedRequest,
  readMessage,
  type RpcRequest,
  type SigningSecret,
  type UnsignedRequest,
  verifySignature,
  WireError,
} from "@cinnabar/rpc";
import type { NonceTable } from "../platform/nonce-table.ts";
import { proceed } from "../platform/proceed.ts";
import type { Store } from "../store/store.ts";
import type { Authenticator, FoundKey } from "./authenticator.ts";
import { BoundedQueue, QUEUE_RETRY_MILLIS, UNSIGNED_QUEUE } from "./bounded-queue.ts";
import { type Call, textHeader } from "./call.ts";
import { ApiError } from "./errors.ts";
import type { CallFacts } from "./evaluation.ts";
import type { InjectedFault, ProvenCall } from "./injected-fault.ts";
import type { DeclaredOperation } from "./operation.ts";
import { type FederatedPrincipal, type Principal, throttledAs } from "./principal.ts";
import type { OperationRegistry } from "./registry.ts";
import { checkReplay } from "./replay-check.ts";
import type { Responder } from "./responder.ts";
import type { Throttle } from "./throttle.ts";
import { CachedView } from "./view.ts";

/** A call whose caller is proven. */
export type ProvenCaller = SignedCaller | FederatedCaller;

/** By a signature. */
export interface SignedCaller {
  readonly request: RpcRequest;
  readonly facts: CallFacts;
  readonly accountId: string;
  /** The secret that the signature was verified with. */
  readonly secret: SigningSecret | ClientKeyVerifier;
}

/** By what the operation was called with. */
export interface FederatedCaller {
  readonly request: UnsignedRequest;
  readonly facts: CallFacts;
  readonly accountId: string;
  readonly secret?: undefined;
  readonly principal: FederatedPrincipal;
}

export interface AuthenticationOptions {
  readonly store: Store;
  readonly registry: OperationRegistry;
  readonly authenticator: Authenticator;
  readonly nonces: NonceTable;
  /** Left out, nobody's calls are limited. */
  readonly throttle?: Throttle | undefined;
  /** What callers' clocks show, in milliseconds since 1970; the store's time if left out, as it is but in an emulator. */
  readonly callersTime?: (() => number) | undefined;
  /** Left out but in an emulator. */
  readonly injectFault?: ((call: ProvenCall) => InjectedFault | undefined) | undefined;
}

/** The first stages of a call: it is read, and it is proven who makes it, and that nobody took it from them to send it again. */
export class Authentication {
  readonly #store: Store;
  readonly #registry: OperationRegistry;
  readonly #authenticator: Authenticator;
  readonly #nonces: NonceTable;
  readonly #throttle: Throttle | undefined;
  readonly #callersTime: () => number;
  readonly #injectFault: AuthenticationOptions["injectFault"];
  readonly #responder: Responder;
  readonly #unsignedQueue = new BoundedQueue(UNSIGNED_QUEUE);

  constructor(options: AuthenticationOptions & { readonly responder: Responder }) {
    this.#store = options.store;
    this.#registry = options.registry;
    this.#authenticator = options.authenticator;
    this.#nonces = options.nonces;
    this.#throttle = options.throttle;
    this.#callersTime = options.callersTime ?? (() => options.store.clock.now());
    this.#injectFault = options.injectFault;
    this.#responder = options.responder;
  }

  /** Proves who calls, or answers that it cannot and gives nothing. */
  prove(call: Call): ProvenCaller | undefined | Promise<ProvenCaller | undefined> {
    const { clock } = this.#store;
    let request: RpcRequest;
    try {
      request = parseRequest(call.incoming.http);
      call.format = request.format;
      // A clock that is behind what it said before is no measure of the caller's.
      if (!clock.behind) assertFresh({ timestampMillis: request.timestampMillis, nowMillis: this.#callersTime() });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (error.code === "MissingSignature") return this.#proveUnsigned(call, error);
      return this.#rejectUnread(call, error);
    }
    if (clock.behind) return this.#refuseBehind(call);
    const found = this.#authenticator.isIssued(request)
      ? this.#authenticator.find(CachedView.of(this.#store), request)
      : undefined;
    return proceed(found, (key) => {
      const isOutdated = key !== undefined && key.secret === undefined && key.isOutdated === true;
      return isOutdated ? this.#proveAnew(call, request) : this.#proveSigned(call, request, key);
    });
  }

  /** As {@link Authentication.#proveSigned}, by the store as it is now. */
  async #proveAnew(call: Call, request: RpcRequest): Promise<SignedCaller | undefined> {
    await this.#store.cache.refresh();
    return this.#proveSigned(call, request, await this.#authenticator.find(CachedView.of(this.#store), request));
  }

  #proveSigned(call: Call, unread: RpcRequest, key: FoundKey | undefined): SignedCaller | undefined {
    const responder = this.#responder;
    // Answered meanwhile, because the key took too long to load.
    if (call.abandoned) return undefined;
    if (key === undefined) {
      return responder.reject(call, { reason: "unknown-access-key", code: "InvalidAccessKeyId.NotFound" });
    }
    if (key.secret === undefined) {
      return responder.reject(call, { reason: "bad-security-token", code: key.rejectedAs });
    }
    const { version, action } = unread;
    const operation = speaksVersion(unread) ? this.#registry.find(version, action) : undefined;
    try {
      verifySignature(unread, key.secret);
      // Also for what is not served: a key of one product is no credential of another one.
      if (this.#registry.hasVersion(version)) assertSignedFor(unread, this.#registry.productOf(version));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return responder.reject(call, { reason: "bad-signature", code: error.code, message: error.message });
    }
    let request: RpcRequest;
    try {
      request = readMessage(unread);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#rejectUnread(call, error);
    }
    const nowSeconds = Math.floor(this.#callersTime() / 1000);
    const { verdict, digest } = checkReplay(this.#nonces, { request, nowSeconds });
    if (verdict === "used") return responder.reject(call, { reason: "used-nonce", code: "SignatureNonceUsed" });
    if (verdict === "full") {
      const message = "Too many requests within the last 30 minutes.";
      return responder.refuse(call, { code: "ServiceUnavailableTemporary", message });
    }
    const facts = this.#factsOf(call, request, { operation, nonceDigest: digest.toString("base64url", 0, 16) });
    if (!this.#admit(call, facts, key.principal)) return undefined;
    return { request, facts, accountId: key.principal.accountId, secret: key.secret };
  }

  /**
   * Proves who makes a call without a signature, where its operation can.
   *
   * @param missing - what to answer where it cannot.
   */
  #proveUnsigned(call: Call, missing: WireError): undefined | Promise<FederatedCaller | undefined> {
    const { clock } = this.#store;
    let request: UnsignedRequest | undefined;
    try {
      request = parseUnsignedRequest(call.incoming.http);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#rejectUnread(call, error);
    }
    const operation = request && this.#registry.find(request.version, request.action);
    if (request === undefined || operation?.identify === undefined) return this.#rejectUnread(call, missing);
    call.format = request.format;
    if (clock.behind) return this.#refuseBehind(call);
    const { sourceAddress } = call.incoming;
    if (this.#unsignedQueue.isFullFor(sourceAddress)) {
      call.retryAfterMillis = QUEUE_RETRY_MILLIS;
      return this.#responder.reject(call, { reason: "too-many-unsigned", code: "Rejected.Throttling" });
    }
    const { parameters } = request;
    const identify = operation.identify.bind(operation);
    const { reader: db, guard, cache } = this.#store;
    const identified = this.#unsignedQueue.run(sourceAddress, () => {
      if (call.abandoned) return undefined;
      const context = { find: cache.find.bind(cache), db, guard, callersTime: this.#callersTime() };
      return identify(context, parameters);
    });
    return this.#proveIdentified(call, { request, operation, identified });
  }

  async #proveIdentified(
    call: Call,
    {
      request,
      operation,
      identified,
    }: {
      readonly request: UnsignedRequest;
      readonly operation: DeclaredOperation;
      /** Nobody if the call was abandoned meanwhile. */
      readonly identified: Promise<FederatedPrincipal | undefined>;
    },
  ): Promise<FederatedCaller | undefined> {
    let principal: FederatedPrincipal | undefined;
    try {
      principal = await identified;
    } catch (error) {
      if (call.abandoned) return undefined;
      if (!(error instanceof ApiError)) throw error;
      this.#responder.reportOnce(call, error);
      const { code, message } = error;
      return this.#responder.reject(call, { reason: "bad-identity-token", code, message });
    }
    if (call.abandoned || principal === undefined) return undefined;
    const facts = this.#factsOf(call, request, { operation, nonceDigest: "" });
    if (!this.#admit(call, facts, principal)) return undefined;
    return { request, facts, accountId: principal.accountId, principal };
  }

  #factsOf(
    call: Call,
    { action, version, parameters }: UnsignedRequest,
    { operation, nonceDigest }: Pick<CallFacts, "operation" | "nonceDigest">,
  ): CallFacts {
    const { http, sourceAddress, isSecure } = call.incoming;
    call.operation = operation;
    return {
      requestId: call.eventId,
      region: this.#store.region,
      action,
      version,
      parameters,
      operation,
      product: operation?.product ?? this.#registry.productOf(version),
      nonceDigest,
      isSecure,
      host: call.host,
      sourceAddress,
      userAgent: textHeader(http.headers["user-agent"]),
      waiting: call,
    };
  }

  /** Counts a call whose caller is proven, and does to it what an emulator was told to. @returns false if it is lost. */
  #admit(call: Call, { action, operation }: CallFacts, principal: Principal): boolean {
    const { accountId } = principal;
    // What is not served is put on record like the rest, and counts with the reading calls.
    call.retryAfterMillis = this.#throttle?.take(operation?.throttlingClass ?? "read", throttledAs(principal));
    if (this.#injectFault === undefined) return true;
    call.fault = this.#injectFault({ incoming: call.incoming, action, accountId });
    if (call.fault?.kind === "lost") {
      this.#responder.forget(call);
      return false;
    }
    call.retryAfterMillis ??= call.fault?.retryAfterMillis;
    return true;
  }

  #rejectUnread(call: Call, { code, message }: WireError): undefined {
    const reason = code.startsWith("InvalidTimeStamp.Expired") ? "expired-timestamp" : "malformed";
    return this.#responder.reject(call, { reason, code, message });
  }

  #refuseBehind(call: Call): undefined {
    const message = "The store's clock is behind: see the server's log.";
    return this.#responder.refuse(call, { code: "ServiceUnavailableTemporary", message });
  }
}

/** What is served in the instance protocol is served in no other way. It knows one version only. */
function speaksVersion({ version, protocol }: RpcRequest): boolean {
  return version !== INSTANCE_API_VERSION || protocol === "RSA_PKCS1_SHA_256";
}
