import type { KeyObject } from "node:crypto";
import { availableParallelism } from "node:os";

import { type ImportWrapping, type KeyPairBytes, type KeyPairSpec, Sm2PublicKey } from "@cinnabar/crypto";

import { BoundedQueue, type QueueLimits } from "../operation/bounded-queue.ts";
import type { AsymmetricSpec, EncryptionAlgorithm, SigningAlgorithm, ToSign } from "./key-spec.ts";
import { shortened, sm2PublicKeyOf } from "./signing.ts";
import { type SlowOutcome, type SlowTask, toSecretKey } from "./slow-task.ts";
import { SlowThreads } from "./slow-threads.ts";
import { TooBusyError } from "./too-busy-error.ts";

/** Kinds of cryptography that would keep the event loop from serving others, milliseconds each or more. */
export type SlowKind = "private-key" | "key-generation";

/** One core is for what is not slow. */
const SPARE_CORES = Math.max(1, availableParallelism() - 1);

/**
 * How much of it goes on at once, and waits. So many signatures of RSA_4096 as may wait for one account take a second or two,
 * and so many pairs of RSA some seconds, whatever their size: who waits longer is better told to come again. Twelve pairs of
 * RSA_2048 may wait for one account: a client that makes its keys ten at a time, as Terraform does, is never refused.
 */
const LIMITS: Readonly<Record<SlowKind, QueueLimits>> = {
  "private-key": { concurrency: SPARE_CORES, length: 256 },
  "key-generation": { concurrency: 1, length: 24 },
};

/** How much longer than one of RSA_2048 it takes to make a pair, on the average. */
const GENERATION_WEIGHTS: Partial<Readonly<Record<KeyPairSpec, number>>> = { RSA_3072: 3, RSA_4096: 6 };

/**
 * Linux shares out a core that is wanted by several in these proportions (sched(7), "The nice value"): beside the event loop a
 * signature has a third of its share, and a pair that is made a ninth.
 */
const NICE: Readonly<Record<SlowKind, number>> = { "private-key": 5, "key-generation": 10 };

/**
 * Does slow cryptography off the event loop, in threads that leave the processor to it. Little of it goes on at once, and
 * little more waits for its turn; accounts take turns. What waits has a copy of its input, the digest of what is long to sign.
 *
 * Every method throws {@link TooBusyError} at once if too much is waiting, or rejects with it if there is by the time that a
 * long message is hashed. Promises reject with what the function of `@cinnabar/crypto` throws.
 */
export class SlowCryptography {
  readonly #queues: Readonly<Record<SlowKind, BoundedQueue>>;
  readonly #threads: Readonly<Record<SlowKind, SlowThreads>>;

  constructor(limits: Readonly<Record<SlowKind, QueueLimits>> = LIMITS) {
    this.#queues = {
      "private-key": new BoundedQueue(limits["private-key"]),
      "key-generation": new BoundedQueue(limits["key-generation"]),
    };
    this.#threads = {
      "private-key": new SlowThreads(NICE["private-key"]),
      "key-generation": new SlowThreads(NICE["key-generation"]),
    };
  }

  /** Makes a pair. The caller clears its private key. */
  generate(accountId: string, spec: KeyPairSpec): Promise<KeyPairBytes> {
    const kind = spec.startsWith("RSA_") ? "key-generation" : "private-key";
    return this.#run(accountId, kind, () => ({ kind: "generate", spec }), toPair, GENERATION_WEIGHTS[spec]);
  }

  /** Reads the PKCS #8 of a private key that comes from elsewhere; `pkcs8` and the result are the caller's to clear. */
  parse(accountId: string, spec: KeyPairSpec, pkcs8: Uint8Array): Promise<KeyPairBytes> {
    return this.#run(accountId, "private-key", () => ({ kind: "parse", spec, pkcs8: toSecretKey(pkcs8) }), toPair);
  }

  /** Unwraps key material for its import; the wrapping key, as PKCS #8, and the result are the caller's to clear. */
  unwrap(
    accountId: string,
    input: {
      readonly wrapping: ImportWrapping;
      readonly wrappingKey: Uint8Array;
      readonly wrapped: Uint8Array;
      readonly materialBytes: number;
    },
  ): Promise<Buffer> {
    const toTask = (): SlowTask => ({
      kind: "unwrap",
      wrapping: input.wrapping,
      wrappingKey: toSecretKey(input.wrappingKey),
      wrapped: own(input.wrapped),
      materialBytes: input.materialBytes,
    });
    return this.#run(accountId, "private-key", toTask, toBytes);
  }

  /** @param input.key - the private key; of SM2, a secret key that holds its PKCS #8. */
  sign(
    accountId: string,
    input: {
      readonly spec: AsymmetricSpec;
      readonly key: KeyObject;
      readonly algorithm: SigningAlgorithm;
      readonly signed: ToSign;
    },
  ): Promise<Buffer> {
    this.#assertRoom(accountId, "private-key");
    const run = (signed: ToSign): Promise<Buffer> => {
      const toTask = (): SlowTask => ({ kind: "sign", ...input, signed: ownSigned(signed) });
      return this.#run(accountId, "private-key", toTask, toBytes);
    };
    const signed = shortened(input.algorithm, input.signed, {
      accountId,
      publicKey: () => sm2PublicKeyOf(input.key),
    });
    return signed instanceof Promise ? signed.then(run) : run(signed);
  }

  /** @param input.spki - the DER of the public key's SubjectPublicKeyInfo. */
  verify(
    accountId: string,
    input: {
      readonly spec: AsymmetricSpec;
      readonly spki: Uint8Array;
      readonly algorithm: SigningAlgorithm;
      readonly signed: ToSign;
      readonly signature: Uint8Array;
    },
  ): Promise<boolean> {
    this.#assertRoom(accountId, "private-key");
    const run = (signed: ToSign): Promise<boolean> => {
      const toTask = (): SlowTask => {
        const [spki, signature] = [own(input.spki), own(input.signature)];
        return { kind: "verify", ...input, spki, signed: ownSigned(signed), signature };
      };
      return this.#run(accountId, "private-key", toTask, toVerdict);
    };
    const signed = shortened(input.algorithm, input.signed, {
      accountId,
      publicKey: () => Sm2PublicKey.fromSpki(input.spki),
    });
    return signed instanceof Promise ? signed.then(run) : run(signed);
  }

  /** @param input.key - as of {@link SlowCryptography.sign}. The result is the caller's to clear. */
  decrypt(
    accountId: string,
    input: { readonly key: KeyObject; readonly algorithm: EncryptionAlgorithm; readonly ciphertext: Uint8Array },
  ): Promise<Buffer> {
    const toTask = (): SlowTask => ({ kind: "decrypt", ...input, ciphertext: own(input.ciphertext) });
    return this.#run(accountId, "private-key", toTask, toBytes);
  }

  /** Encrypts to the owner of an SM2 key. */
  encryptSm2(accountId: string, input: { readonly spki: Uint8Array; readonly plaintext: Uint8Array }): Promise<Buffer> {
    const toTask = (): SlowTask => ({
      kind: "encrypt",
      spki: own(input.spki),
      plaintext: toSecretKey(input.plaintext),
    });
    return this.#run(accountId, "private-key", toTask, toBytes);
  }

  /** @param toTask - not called if the queue is full: then nothing is copied. */
  #run<T>(
    accountId: string,
    kind: SlowKind,
    toTask: () => SlowTask,
    take: (outcome: SlowOutcome) => T,
    weight = 1,
  ): Promise<T> {
    this.#assertRoom(accountId, kind, weight);
    const task = toTask();
    return this.#queues[kind].run(accountId, async () => take(await this.#threads[kind].run(task)), weight);
  }

  #assertRoom(accountId: string, kind: SlowKind, weight = 1): void {
    if (this.#queues[kind].isFullFor(accountId, weight)) throw new TooBusyError();
  }
}

/** A message to a thread takes along all that lies in a view's buffer, be it of other calls: these bytes have one of their own. */
function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function ownSigned(signed: ToSign): ToSign {
  return "digest" in signed ? { digest: own(signed.digest) } : { message: own(signed.message) };
}

function toPair(outcome: SlowOutcome): KeyPairBytes {
  if (typeof outcome === "boolean" || outcome instanceof Uint8Array) throw otherTask();
  return { privateKey: viewOf(outcome.privateKey), publicKey: viewOf(outcome.publicKey) };
}

function toBytes(outcome: SlowOutcome): Buffer {
  if (outcome instanceof Uint8Array) return viewOf(outcome);
  throw otherTask();
}

function toVerdict(outcome: SlowOutcome): boolean {
  if (typeof outcome === "boolean") return outcome;
  throw otherTask();
}

/** A message makes plain arrays of buffers. */
function viewOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function otherTask(): Error {
  return new Error("a thread for slow cryptography gave what came of another task");
}
