import {
  defineOperation,
  invalidParameter,
  missingParameter,
  optional,
  type ParameterValues,
  required,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { flag } from "../parameters/one-of.ts";
import { storableText } from "../parameters/storable-text.ts";
import { unsupported } from "../parameters/unsupported.ts";
import { type AcceptedForms, findKey, onKey } from "./find-key.ts";
import { assertChangeable, MAX_DESCRIPTION_CHARACTERS } from "./key.ts";
import { changeDeletionProtection, keyKind } from "./key-repository.ts";
import { keyReference, type KeyReference } from "./key-reference.ts";

const parameters = {
  EnableDeletionProtection: required({ schema: flag, description: "Whether the key is to be protected." }),
  // Nothing is published about its length: it is bounded as a key's description is.
  DeletionProtectionDescription: optional({
    schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
    description: `Why the key must stay: at most ${MAX_DESCRIPTION_CHARACTERS} characters. Without protection it means nothing.`,
  }),
  KeyId: optional({ schema: keyReference, description: "The key's id. It or ProtectedResourceArn is needed." }),
  ProtectedResourceArn: optional({
    schema: keyReference.refine(({ place }) => place !== undefined, { error: "It must be a key's ARN." }),
    description: "The key's ARN.",
  }),
  KmsInstanceId: optional({ schema: z.string(), description: "An instance to protect. Not served yet." }),
};

export const setDeletionProtection = defineOperation({
  ...kms,
  name: "SetDeletionProtection",
  summary: "Protects a key from ScheduleKeyDeletion, or ends that.",
  kind: "control",
  readWrite: "Write",
  parameters,
  result: z.object({}),
  recordedResult: [],
  errors: ["UnsupportedOperation", "Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.PendingDeletion"],
  target(context, values) {
    const { reference, accepts } = toReference(values);
    return findKey(context, reference, accepts);
  },
  access: (context, target) => [onKey(context, "kms:SetDeletionProtection", target)],
  handle(context, { EnableDeletionProtection, DeletionProtectionDescription: description = "" }, { key }) {
    assertChangeable(key.status);
    const protection = EnableDeletionProtection ? { description } : undefined;
    if (protection?.description === key.deletionProtection?.description) return { result: {} };
    return {
      result: {},
      changes: [changeDeletionProtection(context, key, protection)],
      touched: [{ kind: keyKind, id: key.id }],
    };
  },
});

/**
 * How the key is named: by its id, by its ARN, or by both alike.
 *
 * @throws ApiError `UnsupportedOperation`, `MissingParameter` or `InvalidParameter`.
 */
function toReference({ KeyId, ProtectedResourceArn: arn, KmsInstanceId }: ParameterValues<typeof parameters>): {
  readonly reference: KeyReference;
  readonly accepts: AcceptedForms;
} {
  if (KmsInstanceId !== undefined) throw unsupported("KmsInstanceId");
  if (arn === undefined) {
    if (KeyId === undefined) throw missingParameter("KeyId");
    return { reference: KeyId, accepts: { alias: false, arn: false } };
  }
  if (KeyId !== undefined && (KeyId.place !== undefined || KeyId.name !== arn.name)) {
    throw invalidParameter("ProtectedResourceArn", "It must be of the key that KeyId names.");
  }
  return { reference: arn, accepts: { alias: false, arn: true } };
}
