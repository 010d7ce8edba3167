import {
  type Custody,
  encodeSystemEvent,
  type KeyId,
  newRequestId,
  type Store,
  TamperedRowError,
} from "@cinnabar/kernel";
import { keyKind } from "../key/key-repository.ts";
import { loadVersionRows } from "../version/version-repository.ts";
import { erase } from "./erase.ts";

/** Ends a transaction that found nothing to do: another node was faster, or nothing has expired after all. */
class NothingDueError extends Error {
  override readonly name = "NothingDueError";
}

/**
 * Erases what has expired of a key's imported material by the store's time, in one control transaction whose event in the
 * control log is `ExpireKeyMaterial`. Nobody could use it any more. Safe to repeat, and beside other nodes that do the same.
 *
 * @returns the versions whose material was erased; none if there is no such key, or nothing of it has expired.
 * @throws TamperedRowError if a row of the key is not what was written.
 */
export async function expireKeyMaterial(
  { control, region }: Pick<Store, "control" | "region">,
  { keyId, custody }: { readonly keyId: KeyId; readonly custody: Pick<Custody, "accountKeys"> },
): Promise<readonly string[]> {
  try {
    return await control.run(async (transaction) => {
      const { now, epoch } = transaction;
      const key = await transaction.find(keyKind, keyId);
      const rows = key === undefined ? [] : await loadVersionRows(transaction, keyId);
      const versions = rows.filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now);
      if (key === undefined || versions.length === 0) throw new NothingDueError();
      const accountKeys = await transaction.find(custody.accountKeys, key.accountId);
      if (accountKeys === undefined) throw new TamperedRowError("account_key", "an account has no key");
      const { changes, touched, facts } = erase(transaction, key, { versions, accountKey: accountKeys.current });
      for (const change of changes) await transaction.write(change);
      for (const { kind, id } of touched) transaction.touch(kind, id);
      const event = encodeSystemEvent({
        name: "ExpireKeyMaterial",
        region,
        eventId: newRequestId(),
        time: now,
        epoch,
        data: { keyId, ...facts },
        accountId: key.accountId,
        resource: { type: "ACS::KMS::Key", name: keyId },
      });
      return { result: versions.map(({ identity }) => identity.versionId), event };
    });
  } catch (error) {
    if (error instanceof NothingDueError) return [];
    throw error;
  }
}
