import {
  type AccountId,
  type ControlTransaction,
  encodeSystemEvent,
  type EventObject,
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
import { deleteKeyRows, keyKind, ownerKind, type StoredKey } from "../key/key-repository.ts";
import { keyTable } from "../key/key-row.ts";
import { loadVersionRows, type StoredVersionRow } from "../version/version-repository.ts";
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
 * certificate. Aliases of other accounts go before, in transactions of their own whose events are in the trails of these;
 * so do the first ones of a key with more than 100. Safe to repeat, and beside other nodes that do the same.
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
        const first = aliasesToDetach(key, aliases);
        return first === undefined
          ? destroy(transaction, store, { key, aliases })
          : { result: undefined, event: await detachAliases(transaction, store, { key, ...first }) };
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
    accountId: key.accountId,
    data: { aliases: names(aliases), certificate: note },
  });
  return { result: certificate, event };
}

/** Aliases of one account that go before the key, at most {@link MAX_ALIASES}; `undefined` if the others can go with it. */
function aliasesToDetach(
  { accountId: keyAccountId }: StoredKey,
  aliases: readonly StoredAlias[],
): AccountAliases | undefined {
  const other = aliases.find(({ accountId }) => accountId !== keyAccountId);
  if (other === undefined && aliases.length <= MAX_ALIASES) return undefined;
  const accountId = other?.accountId ?? keyAccountId;
  return { accountId, aliases: aliases.filter((alias) => alias.accountId === accountId).slice(0, MAX_ALIASES) };
}

interface AccountAliases {
  readonly accountId: AccountId;
  readonly aliases: readonly StoredAlias[];
}

async function detachAliases(
  transaction: ControlTransaction,
  { region }: Signing,
  { key, accountId, aliases }: AccountAliases & { readonly key: StoredKey },
): Promise<string> {
  for (const alias of aliases) await removeAlias(transaction, alias);
  const data = {
    // By this the key's account finds the event too, without the names.
    ...(accountId !== key.accountId && { keyAccountId: key.accountId }),
    aliases: names(aliases),
  };
  return encodeEvent(transaction, { name: "DetachAliases", region, key, accountId, data });
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
    /** Whose aliases they are, and whose trail has it. */
    readonly accountId: AccountId;
    readonly data: EventObject & { readonly aliases: readonly string[] };
  },
): string {
  const { id: keyId } = event.key;
  return encodeSystemEvent({
    name: event.name,
    region: event.region,
    eventId: newRequestId(),
    time: now,
    epoch,
    data: { keyId, ...event.data },
    accountId: event.accountId,
    resource: { type: "ACS::KMS::Key", name: keyId },
  });
}

function names(aliases: readonly StoredAlias[]): readonly string[] {
  return aliases.map(({ name }) => name);
}
