import { ApiError, type DeclaredOperation, defineOperation, parseId, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, findLivingKey, onKey } from "../key/find-key.ts";
import { assertTakesAlias } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import type { AccountQuotas } from "../quota/account-quotas.ts";
import { assertRoomForAlias } from "../quota/account-room.ts";
import { onAlias } from "../resource-name.ts";
import { aliasName, assertNotReserved } from "./alias.ts";
import { findAlias, putAlias, touchedAlias } from "./alias-repository.ts";

export const createAlias = (quotas: AccountQuotas): DeclaredOperation =>
  defineOperation({
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
    errors: [
      "AliasAlreadyExists",
      "Forbidden.KeyNotFound",
      "Unsupported.Alias",
      "Rejected.StateModifiedFailed",
      "Rejected.LimitExceeded",
    ],
    async target(context, { AliasName: name, KeyId }) {
      assertNotReserved(name);
      return { name, ofKey: await findKey(context, KeyId, { alias: false, arn: false }) };
    },
    access: (context, { name, ofKey }) => [
      onAlias(name, "kms:CreateAlias", context),
      onKey(context, "kms:CreateAlias", ofKey),
    ],
    async handle(context, _parameters, { name, ofKey: { key } }) {
      assertTakesAlias(key.status);
      const accountId = parseId("Account", context.principal.accountId);
      const standing = await findAlias(context, { accountId, name });
      if (standing !== undefined && (await findLivingKey(context, standing.keyId)) !== undefined) {
        throw new ApiError("AliasAlreadyExists");
      }
      await assertRoomForAlias(context, quotas, accountId);
      const alias = { accountId, name, keyId: key.id };
      return {
        result: {},
        changes: [putAlias(context, { alias, replaced: standing })],
        touched: [touchedAlias(alias)],
      };
    },
  });
