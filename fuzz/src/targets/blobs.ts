import { type TargetDeclaration, Violation } from "../engine/target.ts";
import { CONTEXT } from "../service/call-seeds.ts";
import { FormCaller } from "../service/form-caller.ts";
import { sharedService } from "../service/service.ts";
import { makeWorkingSet } from "../service/working-set.ts";

const LANES = 16;

/** What a ciphertext that is not one may be answered with. */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  "InvalidParameter",
  "MissingParameter",
  "Forbidden.KeyNotFound",
]);

/** Ciphertexts, mutated as bytes and as the text that carries them. None may open but the one that was given out. */
export const blobsTarget: TargetDeclaration = {
  name: "blobs",
  what: "ciphertext blobs, as bytes and as base64",
  group: "service",
  weight: 40,
  async open() {
    const service = await sharedService();
    const { "@BLOB@": text } = await makeWorkingSet(service);
    const blob = Buffer.from(text, "base64");
    const caller = new FormCaller(service.server);
    return {
      // The first byte says which of the two the rest is.
      seeds: [Buffer.concat([Buffer.from("b"), blob]), Buffer.from(`t${text}`)],
      fixedBytes: () => 1,
      lanes: LANES,
      async attempt(input) {
        const rest = Buffer.from(input.subarray(1));
        const sent = input[0] === "b".charCodeAt(0) ? Buffer.from(rest.toString("base64")) : rest;
        const { code, status } = await caller.call(
          Object.entries({ Action: "Decrypt", Version: "2016-01-20", EncryptionContext: CONTEXT })
            .map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const)
            .concat([[Buffer.from("CiphertextBlob"), sent]]),
        );
        if (status === 200 && !Buffer.from(sent.toString(), "base64").equals(blob)) {
          throw new Violation("a ciphertext decrypts that Encrypt never gave");
        }
        if (status !== 200 && !REFUSALS.has(code)) {
          // What is no UTF-8 or too much for a request is refused before the blob is looked at.
          if (code !== "ParseRequestParameterException" && code !== "RequestTooLarge") {
            throw new Violation(`a ciphertext that is none is answered with ${String(code)}`);
          }
        }
        return code ?? "decrypted, being the same";
      },
      endRound: () => service.assertSound(),
      [Symbol.asyncDispose]: () => Promise.resolve(caller[Symbol.dispose]()),
    };
  },
};
