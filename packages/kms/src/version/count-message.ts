import { type KeyVersionId, PrerequisiteError, type RequestContext } from "@cinnabar/kernel";
import { EXHAUSTED_MESSAGE } from "./message-limits.ts";
import { reserveMessages } from "./reserve-messages.ts";

/**
 * To be called before a message is encrypted by GCM with a random nonce of 96 bits. Costs nothing but a look-up; once in
 * a block of messages the call is interrupted, the next block is reserved in its name, and it is served again.
 *
 * @throws {@link PrerequisiteError} where a reservation is needed first; the answer is `Rejected.LimitExceeded` if the version
 * has none left.
 */
export function countMessage({ custody }: Pick<RequestContext, "custody">, versionId: KeyVersionId): void {
  if (custody.messages.take(versionId)) return;
  const parameters = new Map([["KeyVersionId", versionId]]);
  throw new PrerequisiteError("Rejected.LimitExceeded", { operation: reserveMessages, parameters }, EXHAUSTED_MESSAGE);
}
