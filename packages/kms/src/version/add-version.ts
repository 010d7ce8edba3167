import { type KeyVersionId, type RequestContext, type RowChange, type Touched } from "@cinnabar/kernel";
import { findAccountKeys } from "../cryptography/account-keys.ts";
import { keyKind, type StoredKey } from "../key/key-repository.ts";
import { insertVersion } from "./version-repository.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import type { RotationPolicy } from "../rotation/rotation-policy.ts";
import { generateOnce } from "./generate-once.ts";
import { latestVersion } from "./latest-version.ts";

/** What is needed of a request's context, or of a transaction that no request caused. */
export type VersionContext = Pick<RequestContext, "now" | "db" | "guard" | "custody" | "find" | "call" | "allowsWork">;

/** A further version of a key, and what must be written for it. */
export interface AddedVersion {
  readonly id: KeyVersionId;
  /** Store milliseconds. */
  readonly createdAt: number;
  readonly changes: readonly RowChange[];
  readonly touched: readonly Touched[];
}

/**
 * Makes the next version of a key, with material of its own. A symmetric key encrypts with it from then on; what older
 * versions encrypted they decrypt as before.
 *
 * @param options.rotation - the key's policy from now on.
 */
export async function addVersion(
  context: VersionContext,
  key: StoredKey,
  { rotation }: { readonly rotation: RotationPolicy | undefined },
): Promise<AddedVersion> {
  const { id: keyId, accountId, spec, origin } = key;
  const { current: accountKey } = await findAccountKeys(context, accountId);
  const { versionId, made } = await generateOnce(context, { keyId, accountId, spec, origin, accountKey });
  const createdAt = context.now;
  const changes = insertVersion(context, key, {
    versionId,
    made,
    accountKeyVersion: accountKey.version,
    number: latestVersion(key).number + 1,
    createdAt,
    isPrimary: KEY_SPECS[spec].family === "symmetric",
    rotation,
  });
  return { id: versionId, createdAt, changes, touched: [{ kind: keyKind, id: keyId }] };
}
