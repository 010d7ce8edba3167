import { ApiError, defineOperation, isId, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { keyKind } from "../key/key-repository.ts";
import { changeReservedMessages, findVersionRow } from "./version-repository.ts";
import { blockOf } from "./message-limits.ts";

/**
 * Reserves a block of messages of a key version for this process. It is not served: a call that is about to encrypt with a
 * counted version carries it out where the process has none left, so that none is used before its reservation is durable.
 */
export const reserveMessages = defineOperation({
  ...kms,
  name: "ReserveMessages",
  summary: "Reserves messages of a key version whose messages are counted.",
  kind: "control",
  readWrite: "Write",
  parameters: { KeyVersionId: required({ schema: z.string(), description: "The version's id." }) },
  result: z.object({}),
  recordedResult: [],
  errors: ["Rejected.LimitExceeded", "Forbidden.KeyVersionNotFound", "Rejected.StateModifiedFailed"],
  async target(context, { KeyVersionId: id }) {
    const version = isId("KeyVersion", id) ? await findVersionRow(context, id) : undefined;
    if (version === undefined) throw new ApiError("Forbidden.KeyVersionNotFound");
    return version;
  },
  // Whoever comes here was allowed to encrypt a moment ago, and is asked again before anything is encrypted.
  access: () => [],
  handle(context, _parameters, version) {
    const { messages } = context.custody;
    const { versionId, keyId } = version.identity;
    // Another call was faster.
    if (messages.has(versionId)) throw new ApiError("Rejected.StateModifiedFailed");
    const block = blockOf(messages.nextBlock(versionId), version.reservedMessages);
    context.about("ACS::KMS::Key", keyId);
    context.note({ keyVersionId: versionId, messages: block, reservedBefore: version.reservedMessages });
    return {
      result: {},
      changes: [changeReservedMessages(context, version, version.reservedMessages + block)],
      touched: [{ kind: keyKind, id: keyId }],
      committed: () => messages.add(versionId, block),
    };
  },
});
