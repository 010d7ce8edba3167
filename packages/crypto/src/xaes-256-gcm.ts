import { type Cipheriv, createCipheriv, createSecretKey, type KeyObject } from "node:crypto";

import { openAesGcm, sealAesGcm } from "./aes-gcm.ts";
import { incrementCounter } from "./counter.ts";
import { AuthenticationError } from "./errors.ts";
import { randomBytesPooled } from "./random.ts";

/** Lengths of XAES-256-GCM (c2sp.org/XAES-256-GCM). */
export const XAES_256_GCM = { keyBytes: 32, nonceBytes: 24, tagBytes: 16 } as const;

/** Messages of one run, see {@link Xaes256Gcm.sealNext}. */
export const RUN_MESSAGES = 64;

const BLOCK_BYTES = 16;
const DERIVING_NONCE_BYTES = 12;
/** What stands before the nonce's first half in M1 and M2: a 16-bit counter, the label `X`, a zero byte. */
const M1_PREFIX = Buffer.from([0, 1, 0x58, 0]);
const M2_PREFIX = Buffer.from([0, 2, 0x58, 0]);
/** Messages that follow each other under one derived key. */
interface Run {
  readonly key: KeyObject;
  /** The next message's. */
  readonly nonce: Buffer;
  /** The nonce's second half. */
  readonly counter: Buffer;
  left: number;
}

/** M1 ‖ M2, each masked with K1: written anew for every message, and of no use to anybody without the key. */
const blocks = Buffer.alloc(2 * BLOCK_BYTES);

/**
 * XAES-256-GCM (c2sp.org/XAES-256-GCM) under one key: AES-256-GCM with a key derived from the first half of a nonce so
 * long that random ones are safe for 2^80 messages. Names are the specification's.
 *
 * Made once for a key and kept: an instance holds the expanded key and its CMAC subkey for as long as it lives.
 */
export class Xaes256Gcm {
  readonly #aes: Cipheriv;
  readonly #k1Twice: Buffer;
  #run: Run | undefined;

  /** @throws RangeError if `key` is not a secret key of 32 bytes. */
  constructor(key: KeyObject) {
    if (key.symmetricKeySize !== XAES_256_GCM.keyBytes) {
      throw new RangeError("an XAES-256-GCM key is a secret key of 32 bytes");
    }
    this.#aes = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
    const l = this.#aes.update(Buffer.alloc(BLOCK_BYTES));
    const k1 = doubled(l);
    // Memory of its own: a slice of Buffer's pool would keep 64 KiB alive for as long as this instance lives.
    this.#k1Twice = Buffer.alloc(2 * BLOCK_BYTES);
    this.#k1Twice.set(k1);
    this.#k1Twice.set(k1, BLOCK_BYTES);
  }

  /**
   * Gives ciphertext ‖ 16-byte tag. `aad` is authenticated, not stored.
   *
   * @param input.nonce - 24 bytes, drawn at random for every message.
   * @throws RangeError if the nonce has another length.
   */
  seal(input: { readonly nonce: Uint8Array; readonly plaintext: Uint8Array; readonly aad: Uint8Array }): Buffer {
    const { nonce, plaintext, aad } = input;
    if (nonce.length !== XAES_256_GCM.nonceBytes) throw new RangeError("an XAES-256-GCM nonce is 24 bytes");
    const key = this.#deriveKey(nonce);
    return sealAesGcm({ key, nonce: nonce.subarray(DERIVING_NONCE_BYTES), plaintext, aad }).box;
  }

  /**
   * Seals under a nonce of its own and gives nonce ‖ ciphertext ‖ 16-byte tag. `aad` is authenticated, not stored.
   *
   * Nonces come in runs of {@link RUN_MESSAGES}: the first is random, and each further one has the same first half and
   * the second half of the one before it plus 1, so that the key is derived once for a run. Two messages are no more
   * likely to share a nonce than if each were random (docs/decisions/0024).
   */
  sealNext(input: { readonly plaintext: Uint8Array; readonly aad: Uint8Array }): Buffer {
    const { plaintext, aad } = input;
    if (this.#run === undefined || this.#run.left === 0) this.#run = this.#newRun();
    const { key, nonce, counter } = this.#run;
    try {
      return Buffer.concat([nonce, sealAesGcm({ key, nonce: counter, plaintext, aad }).box]);
    } finally {
      // Whatever came of the message, its nonce is spent.
      this.#run.left--;
      incrementCounter(counter);
    }
  }

  #newRun(): Run {
    // Memory of its own, as above.
    const nonce = Buffer.alloc(XAES_256_GCM.nonceBytes);
    nonce.set(randomBytesPooled(nonce.length));
    const counter = nonce.subarray(DERIVING_NONCE_BYTES);
    return { key: this.#deriveKey(nonce), nonce, counter, left: RUN_MESSAGES };
  }

  /**
   * Opens what {@link Xaes256Gcm.seal} sealed. The plaintext has memory of its own, which the caller clears.
   *
   * @throws AuthenticationError if nonce, box or associated data are not what was sealed, wrong lengths included.
   */
  open(input: { readonly nonce: Uint8Array; readonly box: Uint8Array; readonly aad: Uint8Array }): Buffer {
    const { nonce, box, aad } = input;
    if (nonce.length !== XAES_256_GCM.nonceBytes) throw new AuthenticationError();
    const key = this.#deriveKey(nonce);
    return openAesGcm({ key, nonce: nonce.subarray(DERIVING_NONCE_BYTES), box, aad });
  }

  // Every Encrypt and Decrypt pays for this, so it is built from what measured fastest on Node 24. One AES-ECB context,
  // kept, encrypts both blocks in one call (0.6 us; a context for each message costs 1.8): ECB carries nothing from
  // block to block, so a context is as good as new after each. The derived bytes become a KeyObject (0.7 us), because
  // AES-GCM with a bare Buffer as its key costs 11 us more. Node clears the KeyObject's copy when it is collected.
  #deriveKey(nonce: Uint8Array): KeyObject {
    const context = nonce.subarray(0, DERIVING_NONCE_BYTES);
    blocks.set(M1_PREFIX, 0);
    blocks.set(context, M1_PREFIX.length);
    blocks.set(M2_PREFIX, BLOCK_BYTES);
    blocks.set(context, BLOCK_BYTES + M2_PREFIX.length);
    xorInto(blocks, this.#k1Twice);
    const derived = this.#aes.update(blocks);
    const key = createSecretKey(derived);
    derived.fill(0);
    return key;
  }
}

/** The block times x in GF(2^128): from L to K1 (NIST SP 800-38B, section 6.1). */
function doubled(block: Buffer): Buffer {
  const result = Buffer.alloc(BLOCK_BYTES);
  let carry = 0;
  for (let i = BLOCK_BYTES - 1; i >= 0; i--) {
    const byte = block.readUInt8(i);
    result.writeUInt8(((byte << 1) & 0xff) | carry, i);
    carry = byte >>> 7;
  }
  result.writeUInt8(result.readUInt8(BLOCK_BYTES - 1) ^ (carry * 0b10000111), BLOCK_BYTES - 1);
  return result;
}

function xorInto(target: Buffer, mask: Buffer): void {
  for (let i = 0; i < target.length; i += 4) target.writeInt32LE(target.readInt32LE(i) ^ mask.readInt32LE(i), i);
}
