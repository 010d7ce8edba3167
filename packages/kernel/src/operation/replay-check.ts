import type { RpcRequest } from "@cinnabar/rpc";
import { nonceDigest, type NonceTable, type NonceVerdict } from "../platform/nonce-table.ts";

/** The caller's clock may differ by so much either way; a nonce is kept until its request would be refused as expired. */
const FRESHNESS_SECONDS = 15 * 60;
/** A signature that says nothing but what is asked, and in which second, may come again in this time and the next one. */
const REPEAT_SECONDS = 10;

/** Whether a request was taken before, and 32 bytes that stand for this use of its credentials. */
export interface ReplayCheck {
  readonly verdict: NonceVerdict;
  readonly digest: Buffer;
}

/**
 * Asks whether a proven request was taken before, and remembers it: by its nonce, or by its signature where it has none.
 *
 * Requests of the instance protocol never have one, and their signature is the same whenever the same is asked for twice in a
 * second, as who draws random numbers does. So the same signature is taken again for 10 seconds after it was taken first, 20
 * at most, however wrong the caller's clock is; after that it is a replay.
 */
export function checkReplay(
  nonces: NonceTable,
  { request, nowSeconds }: { readonly request: RpcRequest; readonly nowSeconds: number },
): ReplayCheck {
  const { accessKeyId } = request;
  const nonce = request.nonce ?? request.signature;
  const digest = nonceDigest({ accessKeyId, nonce });
  const expiresAtSeconds = Math.floor(request.timestampMillis / 1000) + FRESHNESS_SECONDS;
  const verdict = nonces.check({ digest, expiresAtSeconds, nowSeconds });
  if (request.protocol !== "RSA_PKCS1_SHA_256") return { verdict, digest };
  const slot = Math.floor(nowSeconds / REPEAT_SECONDS);
  // A signature is base64, and has no space.
  const inSlot = (number: number): Buffer => nonceDigest({ accessKeyId, nonce: `${nonce} ${number}` });
  if (verdict === "used") {
    const isRepeated = nonces.holds(inSlot(slot)) || nonces.holds(inSlot(slot - 1));
    return { verdict: isRepeated ? "fresh" : "used", digest };
  }
  if (verdict === "full") return { verdict, digest };
  const first = { digest: inSlot(slot), expiresAtSeconds: (slot + 2) * REPEAT_SECONDS, nowSeconds };
  return { verdict: nonces.check(first) === "full" ? "full" : "fresh", digest };
}
