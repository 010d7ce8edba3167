import {
  type ControlTransaction,
  encodeSystemEvent,
  fingerprint,
  type KeyCertificate,
  type KeyId,
  newRequestId,
  signDestructionCertificate,
  type Store,
} from "@cinnabar/kernel";
import { deleteAliasRow, loadKeyAliases, type StoredAlias, touchedAlias } from "../alias/alias-repository.ts";
import { deletePolicyAccess } from "../instance/instance-key.ts";
import { isGone } from "../key/key.ts";
import {
  deleteKeyRows,
  keyKind,
  keyTable,
  loadVersionRows,
  ownerKind,
  type StoredKey,
  type StoredVersionRow,
} from "../key/key-repository.ts";
import { keyArn } from "../resource-name.ts";
import { deleteTags } from "../tag/tag-repository.ts";
import { assertNotDestroyed, insertDestruction } from "./destruction-repository.ts";

/** Aliases that one transaction removes: their names, of at most 255 characters, stand in its event of 60,000 bytes. */
const MAX_ALIASES = 100;

/** Ends a transaction that found nothing to do: another node was faster, or the key's deletion is not due after all. */
class NothingDueError extends Error {
  override readonly name = "NothingDueError";
}

/**
 * Destroys a key whose deletion is due by the store's time: its versions with their material, its tags, its aliases and
 * the key itself go in one control transaction, whose event in the control log is `DestroyKey` and has the signed
 * certificate. Of a key with more than 100 aliases the first ones go before, in transactions of their own. Safe to
 * repeat, and beside other nodes that do the same.
 *
 * @returns undefined if there is no such key, or its deletion is not due.
 * @throws TamperedRowError if a row of the key is not what was written, or was put back after the key had been destroyed:
 * then nothing of it is destroyed.
 */
export async function destroyKey(
  store: Pick<Store, "control" | "signer" | "region">,
  keyId: KeyId,
): Promise<KeyCertificate | undefined> {
  try {
    for (;;) {
      const done = await store.control.run(async (transaction) => {
        const key = await transaction.find(keyKind, keyId);
        if (key === undefined || !isGone(key.status, transaction.now)) throw new NothingDueError();
        await assertNotDestroyed(transaction, { subject: keyId, table: keyTable.name });
        const aliases = await loadKeyAliases(transaction, { keyId, limit: MAX_ALIASES + 1 });
        return aliases.length > MAX_ALIASES
          ? {
              result: undefined,
              event: await detachAliases(transaction, store, { key, aliases: aliases.slice(0, MAX_ALIASES) }),
            }
          : destroy(transaction, store, { key, aliases });
      });
      if (done !== undefined) return done;
    }
  } catch (error) {
    if (error instanceof NothingDueError) return undefined;
    throw error;
  }
}

type Signing = Pick<Store, "signer" | "region">;

async function destroy(
  transaction: ControlTransaction,
  { signer, region }: Signing,
  { key, aliases }: { readonly key: StoredKey; readonly aliases: readonly StoredAlias[] },
): Promise<{ result: KeyCertificate; event: string }> {
  const versions = await loadVersionRows(transaction, key.id);
  const certificate = certify({ key, versions, region, destroyedAt: transaction.now, epoch: transaction.epoch });
  const note = signDestructionCertificate(certificate, signer);
  for (const alias of aliases) await removeAlias(transaction, alias);
  const changes = [
    ...deleteTags(transaction, key.tags),
    ...(await deletePolicyAccess(transaction, key)),
    ...deleteKeyRows(transaction, { key, versions }),
    insertDestruction(transaction, {
      subject: key.id,
      kind: "key",
      account_id: key.accountId,
      account_key_version: Math.max(...versions.map(({ accountKeyVersion }) => accountKeyVersion)),
      destroyed_at: transaction.now,
      certificate: note,
    }),
  ];
  for (const change of changes) await transaction.write(change);
  transaction.touch(keyKind, key.id);
  for (const { identity } of versions) transaction.touch(ownerKind, identity.versionId);
  const event = encodeEvent(transaction, {
    name: "DestroyKey",
    region,
    key,
    data: { aliases: names(aliases), certificate: note },
  });
  return { result: certificate, event };
}

async function detachAliases(
  transaction: ControlTransaction,
  { region }: Signing,
  { key, aliases }: { readonly key: StoredKey; readonly aliases: readonly StoredAlias[] },
): Promise<string> {
  for (const alias of aliases) await removeAlias(transaction, alias);
  return encodeEvent(transaction, { name: "DetachAliases", region, key, data: { aliases: names(aliases) } });
}

async function removeAlias(transaction: ControlTransaction, alias: StoredAlias): Promise<void> {
  await transaction.write(deleteAliasRow(transaction, alias));
  const { kind, id } = touchedAlias(alias);
  transaction.touch(kind, id);
}

function certify(options: {
  key: StoredKey;
  versions: readonly StoredVersionRow[];
  region: string;
  destroyedAt: number;
  epoch: number;
}): KeyCertificate {
  const { key, versions, region, destroyedAt, epoch } = options;
  const { id: keyId, accountId, usage, protectionLevel, createdAt, status } = key;
  if (status.state !== "PendingDeletion") throw new RangeError("only a key whose deletion was scheduled is destroyed");
  return {
    kind: "key",
    accountId,
    keyId,
    arn: keyArn({ region, accountId }, keyId),
    usage,
    protectionLevel,
    createdAt,
    scheduledAt: status.scheduledAt,
    dueAt: status.deleteAt,
    destroyedAt,
    epoch,
    versions: versions.map((version) => ({
      versionId: version.identity.versionId,
      spec: version.identity.spec,
      origin: version.identity.origin,
      createdAt: version.createdAt,
      accountKeyVersion: version.accountKeyVersion,
      fingerprint: fingerprint(version.material),
    })),
  };
}

function encodeEvent(
  { now, epoch }: ControlTransaction,
  event: {
    readonly name: "DestroyKey" | "DetachAliases";
    readonly region: string;
    readonly key: StoredKey;
    readonly data: { readonly aliases: readonly string[]; readonly certificate?: string };
  },
): string {
  const { id: keyId, accountId } = event.key;
  return encodeSystemEvent({
    name: event.name,
    region: event.region,
    eventId: newRequestId(),
    time: now,
    epoch,
    data: { keyId, ...event.data },
    accountId,
    resource: { type: "ACS::KMS::Key", name: keyId },
  });
}

function names(aliases: readonly StoredAlias[]): readonly string[] {
  return aliases.map(({ name }) => name);
}
