import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { ACS4_KEY_PREFIX, type Acs4Derivation, type Acs4Scope, deriveAcs4Key } from "./acs4-scope.ts";
import type { RpcProtocol } from "./rpc-request.ts";

/** Protocols that sign with the secret itself. */
export type UnscopedProtocol = Exclude<RpcProtocol, "ACS4-HMAC-SHA256">;

const HMAC_DIGESTS = {
  "RPC-V1": "sha1",
  "ACS3-HMAC-SHA256": "sha256",
  "ACS3-HMAC-SM3": "sm3",
} as const satisfies Record<UnscopedProtocol, string>;

/** A client has one scope a day, and two while the day changes; each takes two keys if the client is Alibaba's for Node.js. */
const MAX_DERIVED_KEYS = 8;

/** The secret of an access key, ready to make and to verify signatures of every protocol; made once and kept. */
export class SigningSecret {
  readonly #key: KeyObject;
  readonly #v1Key: KeyObject;
  readonly #acs4Key: KeyObject;
  /** By derivation and scope, oldest first; most access keys never need one. */
  #derivedKeys: Map<string, KeyObject> | undefined;

  /**
   * @param secret - the AccessKeySecret, not empty; bytes are copied, and stay the caller's to clear.
   * @throws RangeError if it is empty.
   */
  constructor(secret: string | Uint8Array) {
    if (secret.length === 0) throw new RangeError("An access key secret cannot be empty");
    const bytes = typeof secret === "string" ? Buffer.from(secret) : secret;
    this.#key = createSecretKey(bytes);
    this.#v1Key = joinedKey(bytes, Buffer.from("&"));
    this.#acs4Key = joinedKey(Buffer.from(ACS4_KEY_PREFIX), bytes);
    if (bytes !== secret) bytes.fill(0);
  }

  /** @returns the signature as it stands in a request: base64 for RPC-V1, lower-case hexadecimal for ACS3. */
  sign(protocol: UnscopedProtocol, stringToSign: string): string {
    const [key, encoding] = protocol === "RPC-V1" ? ([this.#v1Key, "base64"] as const) : ([this.#key, "hex"] as const);
    return createHmac(HMAC_DIGESTS[protocol], key).update(stringToSign).digest(encoding);
  }

  /**
   * Signs with the key of a scope. The keys of the last few scopes are kept.
   *
   * @returns lower-case hexadecimal.
   */
  signAcs4(scope: Acs4Scope, stringToSign: string, derivation: Acs4Derivation = "bytes"): string {
    return createHmac("sha256", this.#derivedKey(scope, derivation)).update(stringToSign).digest("hex");
  }

  #derivedKey(scope: Acs4Scope, derivation: Acs4Derivation): KeyObject {
    const keys = (this.#derivedKeys ??= new Map<string, KeyObject>());
    const { date, region, product } = scope;
    const name = `${derivation}/${date}/${region}/${product}`;
    const known = keys.get(name);
    if (known !== undefined) return known;
    const [oldest] = keys.keys();
    if (oldest !== undefined && keys.size === MAX_DERIVED_KEYS) keys.delete(oldest);
    const derived = deriveAcs4Key(this.#acs4Key, scope, derivation);
    keys.set(name, derived);
    return derived;
  }
}

function joinedKey(first: Uint8Array, second: Uint8Array): KeyObject {
  const bytes = Buffer.concat([first, second]);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}
