import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { lengthPrefixed } from "@cinnabar/crypto";

const ELEMENT_BYTES = 64;
const NONCE_BYTES = 16;
const SUM_MAC_BYTES = 32;
/** Bytes of a stored sum: nonce 16, masked sum 64, HMAC-SHA256 32. */
export const STORED_SUM_BYTES = NONCE_BYTES + ELEMENT_BYTES + SUM_MAC_BYTES;
const MODULUS = 1n << BigInt(8 * ELEMENT_BYTES);

/** A row, or a stored sum, was changed, moved or put back by somebody without the keys. */
export class TamperedRowError extends Error {
  override readonly name = "TamperedRowError";
  /** Where it was found, such as `kms_key`; never contents. */
  readonly table: string;

  constructor(table: string, detail: string) {
    super(`${table}: ${detail}`);
    this.table = table;
  }
}

/** Keys derived from the root key, one per purpose, each 32 bytes. */
export interface RowGuardKeys {
  readonly rowMac: KeyObject;
  readonly setElement: KeyObject;
  readonly sumMask: KeyObject;
  readonly sumMac: KeyObject;
}

/**
 * Authenticates rows and sets of rows with keys that the database never sees (design: "the database is not trusted").
 *
 * Each row carries an HMAC-SHA256 of its table, identity, revision and content. The set of all rows has an
 * additive multiset hash: the sum, modulo 2^512, of one HMAC-SHA512 per row (MSet-Add-Hash of Clarke, Devadas,
 * van Dijk, Gassend and Suh, ASIACRYPT 2003). Sums are stored masked by a keyed one-time pad, so that who reads the
 * database never learns the hash of a single row and cannot look for sets of old rows with the same sum.
 */
export class RowGuard {
  readonly #keys: RowGuardKeys;

  constructor(keys: RowGuardKeys) {
    this.#keys = keys;
  }

  mac(encodedRow: Uint8Array): Buffer {
    return createHmac("sha256", this.#keys.rowMac).update(encodedRow).digest();
  }

  /** The row's part of the set hash. */
  element(encodedRow: Uint8Array): bigint {
    return toInteger(createHmac("sha512", this.#keys.setElement).update(encodedRow).digest());
  }

  /** Masks and authenticates a sum for the place it is stored in, given as an injective text such as `shard 3 seq 17`. */
  protectSum(sum: bigint, place: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const masked = toBytes(addSums(sum, this.#mask(nonce, place)));
    return Buffer.concat([nonce, masked, this.#sumMac(nonce, masked, place)]);
  }

  /** @throws {@link TamperedRowError} if the stored sum was not made for this place, or was changed. */
  openSum(stored: Uint8Array, place: string): bigint {
    if (stored.length !== STORED_SUM_BYTES)
      throw new TamperedRowError("set hash", `the sum of ${place} has a wrong length`);
    const nonce = stored.subarray(0, NONCE_BYTES);
    const masked = stored.subarray(NONCE_BYTES, NONCE_BYTES + ELEMENT_BYTES);
    if (!timingSafeEqual(stored.subarray(NONCE_BYTES + ELEMENT_BYTES), this.#sumMac(nonce, masked, place))) {
      throw new TamperedRowError("set hash", `the sum of ${place} was changed or moved`);
    }
    return addSums(toInteger(masked), -this.#mask(nonce, place));
  }

  #mask(nonce: Uint8Array, place: string): bigint {
    return toInteger(
      createHmac("sha512", this.#keys.sumMask)
        .update(lengthPrefixed([nonce, place]))
        .digest(),
    );
  }

  #sumMac(nonce: Uint8Array, masked: Uint8Array, place: string): Buffer {
    return createHmac("sha256", this.#keys.sumMac)
      .update(lengthPrefixed([nonce, masked, place]))
      .digest();
  }
}

/** Addition of set-hash sums, modulo 2^512; a negative term takes a row out. */
export function addSums(a: bigint, b: bigint): bigint {
  const sum = (a + b) % MODULUS;
  return sum < 0n ? sum + MODULUS : sum;
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}`);
}

function toBytes(integer: bigint): Buffer {
  return Buffer.from(integer.toString(16).padStart(2 * ELEMENT_BYTES, "0"), "hex");
}
