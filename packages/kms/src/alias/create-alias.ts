import { ApiError, defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findLivingKey, findOwnKey, onKey } from "../key/find-key.ts";
import { assertTakesAlias } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { onAlias } from "../resource-name.ts";
import { aliasName, assertNotReserved } from "./alias.ts";
import { findAlias, putAlias, touchedAlias } from "./alias-repository.ts";

export const createAlias = defineOperation({
  ...kms,
  name: "CreateAlias",
  summary: "Gives a key a name that stands for it.",
  // The name may still stand in the store for a key that is gone, and others may have cached that: it is replaced
  // under the epoch's lock. Aliases are made seldom, so those that are merely inserted go the same way.
  kind: "control",
  readWrite: "Write",
  parameters: {
    AliasName: required({ schema: aliasName, description: "The alias, which begins with alias/." }),
    KeyId: required({ schema: keyReference, description: "The key's id." }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["AliasAlreadyExists", "Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.StateModifiedFailed"],
  async target(context, { AliasName: name, KeyId }) {
    assertNotReserved(name);
    return { name, ofKey: await findOwnKey(context, KeyId) };
  },
  access: (context, { name, ofKey }) => [
    onAlias(name, "kms:CreateAlias", context),
    onKey(context, "kms:CreateAlias", ofKey),
  ],
  async handle(context, _parameters, { name, ofKey: { key } }) {
    assertTakesAlias(key.status);
    const { id: keyId, accountId } = key;
    const standing = await findAlias(context, { accountId, name });
    if (standing !== undefined && (await findLivingKey(context, standing.keyId)) !== undefined) {
      throw new ApiError("AliasAlreadyExists");
    }
    const alias = { accountId, name, keyId };
    return {
      result: {},
      changes: [putAlias(context, { alias, replaced: standing })],
      touched: [touchedAlias(alias)],
    };
  },
});
