import { randomBytes } from "node:crypto";
import type { RootAccessKey } from "./cinnabar-server.ts";
import { type Protocol, SignedRequests } from "./signed-requests.ts";

/** What Alibaba Cloud's own performance test encrypts ("Performance data" of KMS instances). */
const PLAINTEXT_BYTES = 32;

/** Signed Encrypt requests of 32 bytes, each with a nonce of its own, over many keys in turn. */
export class EncryptRequests extends SignedRequests {
  /** @param options.aheadMillis - as {@link SignedRequests} takes it. */
  constructor(options: {
    protocol: Protocol;
    accessKey: RootAccessKey;
    keyIds: readonly string[];
    aheadMillis?: number;
  }) {
    const { keyIds, ...rest } = options;
    let made = 0;
    super({
      ...rest,
      action: "Encrypt",
      make() {
        const keyId = keyIds[made++ % keyIds.length];
        if (keyId === undefined) throw new RangeError("there are no keys");
        const plaintext = randomBytes(PLAINTEXT_BYTES).toString("base64");
        return { form: { KeyId: keyId, Plaintext: plaintext }, plaintext };
      },
    });
  }
}
