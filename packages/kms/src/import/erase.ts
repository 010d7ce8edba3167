import {
  type AccountKeys,
  type EventObject,
  fingerprint,
  noMaterial,
  type RequestContext,
  type RowChange,
  type Touched,
} from "@cinnabar/kernel";
import { materialGone } from "../key/key.ts";
import { keyKind, ownerKind, type StoredKey } from "../key/key-repository.ts";
import { eraseMaterial, type StoredVersionRow } from "../version/version-repository.ts";

/** What must be written to erase imported material, and what the event says of it. */
interface Erasure {
  readonly changes: readonly RowChange[];
  readonly touched: readonly Touched[];
  readonly facts: EventObject;
}

/**
 * Erases imported material of a key. Nothing of it stays in the rows, and every process forgets it before its next answer.
 *
 * @param options.versions - those of the key whose material goes: at least one.
 */
export function erase(
  context: Pick<RequestContext, "now" | "db" | "guard">,
  key: StoredKey,
  {
    versions,
    accountKey,
  }: { readonly versions: readonly StoredVersionRow[]; readonly accountKey: AccountKeys["current"] },
): Erasure {
  const isPrimaryErased = versions.some(({ identity }) => identity.versionId === key.primaryVersionId);
  const changes = eraseMaterial(context, key, {
    versions: versions.map((version) => ({
      version,
      nothing: noMaterial({ identity: version.identity, accountKey: accountKey.key }),
      accountKeyVersion: accountKey.version,
    })),
    erasedAt: context.now,
    status: isPrimaryErased ? materialGone(key.status) : key.status,
  });
  return {
    changes,
    touched: [
      { kind: keyKind, id: key.id },
      ...versions.map(({ identity }) => ({ kind: ownerKind, id: identity.versionId })),
    ],
    facts: {
      erased: versions.map(({ identity, accountKeyVersion, material }) => ({
        keyVersionId: identity.versionId,
        accountKeyVersion,
        wrappedFingerprint: fingerprint(material),
      })),
    },
  };
}
