import {
  type AccountId,
  type ControlTransaction,
  type Custody,
  encodeSystemEvent,
  type KeyId,
  type KeyVersionId,
  newRequestId,
  type Store,
} from "@cinnabar/kernel";
import { keyKind, type StoredKey } from "../key/key-repository.ts";
import { findVersionRow } from "../version/version-repository.ts";
import type { AccountQuotas } from "../quota/account-quotas.ts";
import { hasRoomForVersionOf } from "../quota/account-room.ts";
import { addVersion } from "../version/add-version.ts";
import { ROTATED_FROM_MESSAGES } from "../version/message-limits.ts";
import { MAX_VERSIONS } from "../version/version-limits.ts";
import { isRotatable, isRotationDue, rotatedAt } from "./rotation-policy.ts";

/** Why a key is rotated: its policy says so, or the version that encrypts nears the end of what it may encrypt. */
export type RotationReason = "schedule" | "use";

/** What a rotation did. */
export interface Rotation {
  readonly reason: RotationReason;
  /** The version that encrypts from now on. */
  readonly versionId: KeyVersionId;
}

/** A key whose rotation is due has so many versions that the certificate of its destruction has no room for one more. */
export class TooManyVersionsError extends Error {
  override readonly name = "TooManyVersionsError";
}

/**
 * The account of a key whose policy says that it is to be rotated has as many versions as it may: the key goes on with the one
 * that it has. What the version's use demands is done all the same: without it the key would encrypt no more.
 */
export class VersionQuotaError extends Error {
  override readonly name = "VersionQuotaError";
  readonly accountId: AccountId;

  constructor(accountId: AccountId) {
    super(`the keys of account ${accountId} have as many versions as its quota lets them`);
    this.accountId = accountId;
  }
}

/** Ends a transaction that found nothing to do: another node was faster, or the key's rotation is not due after all. */
class NothingDueError extends Error {
  override readonly name = "NothingDueError";
}

/**
 * Rotates a key whose rotation is due by the store's time: it gets a further version, which encrypts from then on, in one
 * control transaction whose event in the control log is `RotateKey`. Safe to repeat, and beside other nodes that do the same.
 *
 * @returns undefined if there is no such key, or its rotation is not due.
 * @throws {@link TooManyVersionsError}
 * @throws {@link VersionQuotaError}
 * @throws TamperedRowError if a row of the key is not what was written.
 */
export async function rotateKey(
  { control, region }: Pick<Store, "control" | "region">,
  {
    keyId,
    custody,
    quotas = {},
  }: { readonly keyId: KeyId; readonly custody: Custody; readonly quotas?: AccountQuotas | undefined },
): Promise<Rotation | undefined> {
  try {
    return await control.run(async (transaction) => {
      const key = await transaction.find(keyKind, keyId);
      const reason = key && (await reasonToRotate(transaction, key));
      if (key === undefined || reason === undefined) throw new NothingDueError();
      const { size } = key.versions;
      if (size >= MAX_VERSIONS) throw new TooManyVersionsError(`the key has ${size} versions, and gets no further one`);
      if (reason === "schedule" && !(await hasRoomForVersionOf(transaction, quotas, key))) {
        throw new VersionQuotaError(key.accountId);
      }
      const { now, db, guard } = transaction;
      // Material of symmetric keys takes no time to make, and no other keys are rotated.
      const work = { call: {}, allowsWork: true };
      const context = { now, db, guard, custody, find: transaction.find.bind(transaction), ...work };
      const added = await addVersion(context, key, { rotation: rotatedAt(key.rotation, now) });
      for (const change of added.changes) await transaction.write(change);
      for (const { kind, id } of added.touched) transaction.touch(kind, id);
      const rotation = { reason, versionId: added.id };
      return { result: rotation, event: encodeEvent(transaction, { key, rotation, region }) };
    });
  } catch (error) {
    if (error instanceof NothingDueError) return undefined;
    throw error;
  }
}

/** Of both reasons `use`, which no quota stands against. */
async function reasonToRotate(transaction: ControlTransaction, key: StoredKey): Promise<RotationReason | undefined> {
  if (key.status.state !== "Enabled" || !isRotatable(key)) return undefined;
  const primary = await findVersionRow(transaction, key.primaryVersionId);
  if (primary !== undefined && primary.reservedMessages >= ROTATED_FROM_MESSAGES) return "use";
  return isRotationDue(key, transaction.now) ? "schedule" : undefined;
}

function encodeEvent(
  { now, epoch }: ControlTransaction,
  { key, rotation, region }: { readonly key: StoredKey; readonly rotation: Rotation; readonly region: string },
): string {
  const { id: keyId, accountId, primaryVersionId: previousKeyVersionId } = key;
  const { reason, versionId: keyVersionId } = rotation;
  return encodeSystemEvent({
    name: "RotateKey",
    region,
    eventId: newRequestId(),
    time: now,
    epoch,
    data: { keyId, keyVersionId, previousKeyVersionId, reason },
    accountId,
    resource: { type: "ACS::KMS::Key", name: keyId },
  });
}
