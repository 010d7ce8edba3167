import { type DeclaredOperation, defineOperation, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { loadVersionRows } from "../version/version-repository.ts";
import { keyReference } from "../key/key-reference.ts";
import type { KeyUsageSource } from "../key/key-usage.ts";
import { usageImpact } from "../key/usage-impact.ts";
import { erase } from "./erase.ts";
import { assertExternal, importedVersion } from "./imported-key.ts";

export const deleteKeyMaterial = (usage: KeyUsageSource): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "DeleteKeyMaterial",
    summary:
      "Erases the imported material of a key, at once and everywhere. The key stays, and takes the same material again.",
    kind: "control",
    readWrite: "Write",
    parameters: {
      KeyId: required({ schema: keyReference, description: "The key's id." }),
      KeyVersionId: optional({
        schema: z.string(),
        description: "The key version whose material is erased: by default that of all.",
      }),
    },
    result: z.object({}),
    recordedResult: [],
    errors: ["Forbidden.KeyNotFound", "Forbidden.KeyVersionNotFound", "Unsupported.Alias", "Unsupported.Origin"],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
    access: (context, target) => [onKey(context, "kms:DeleteKeyMaterial", target)],
    async handle(context, { KeyVersionId }, { key }) {
      assertExternal(key);
      const only = KeyVersionId === undefined ? undefined : importedVersion(key, KeyVersionId).identity.versionId;
      const rows = await loadVersionRows(context, key.id);
      const versions = rows.filter(
        ({ isImported, identity }) => isImported && (only === undefined || identity.versionId === only),
      );
      if (versions.length === 0) return { result: {} };
      const { current: accountKey } = await findAccountKeys(context, key.accountId);
      const { facts, changes, touched } = erase(context, key, { versions, accountKey });
      context.note(facts);
      return { result: {}, changes, touched };
    },
    impact: usageImpact(usage),
  });
