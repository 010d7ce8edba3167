import { defineOperation, required, storableText } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, onKey } from "./find-key.ts";
import { assertChangeable, MAX_DESCRIPTION_CHARACTERS } from "./key.ts";
import { changeKeyDescription, keyKind } from "./key-repository.ts";
import { keyReference } from "./key-reference.ts";

export const updateKeyDescription = defineOperation({
  ...kms,
  name: "UpdateKeyDescription",
  summary: "Says anew, in words, what a key is for.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id." }),
    Description: required({
      schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
      description: `What the key is for: 1 to ${MAX_DESCRIPTION_CHARACTERS} characters.`,
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.PendingDeletion"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:UpdateKeyDescription", target)],
  handle(context, { Description: description }, { key }) {
    assertChangeable(key.status);
    if (description === key.description) return { result: {} };
    return {
      result: {},
      changes: [changeKeyDescription(context, key, description)],
      touched: [{ kind: keyKind, id: key.id }],
    };
  },
});
