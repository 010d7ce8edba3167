import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import type { RpcProtocol } from "./rpc-request.ts";

const HMAC_DIGESTS = { "RPC-V1": "sha1", "ACS3-HMAC-SHA256": "sha256", "ACS3-HMAC-SM3": "sm3" } as const;

/** The secret of an access key, ready to make and to verify signatures of every protocol; made once and kept. */
export class SigningSecret {
  readonly #key: KeyObject;
  readonly #v1Key: KeyObject;

  /**
   * @param secret - the AccessKeySecret, not empty; bytes are copied, and stay the caller's to clear.
   * @throws RangeError if it is empty.
   */
  constructor(secret: string | Uint8Array) {
    if (secret.length === 0) throw new RangeError("An access key secret cannot be empty");
    const bytes = typeof secret === "string" ? Buffer.from(secret) : secret;
    const v1Bytes = Buffer.concat([bytes, Buffer.from("&")]);
    this.#key = createSecretKey(bytes);
    this.#v1Key = createSecretKey(v1Bytes);
    v1Bytes.fill(0);
    if (bytes !== secret) bytes.fill(0);
  }

  /** @returns the signature as it stands in a request: base64 for RPC-V1, lower-case hexadecimal for ACS3. */
  sign(protocol: RpcProtocol, stringToSign: string): string {
    const [key, encoding] = protocol === "RPC-V1" ? ([this.#v1Key, "base64"] as const) : ([this.#key, "hex"] as const);
    return createHmac(HMAC_DIGESTS[protocol], key).update(stringToSign).digest(encoding);
  }
}
