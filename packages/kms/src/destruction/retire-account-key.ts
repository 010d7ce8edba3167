import {
  type AccountId,
  accountKeyTable,
  type AccountKeyUse,
  type ControlTransaction,
  destroyAccountKeyVersion,
  encodeSystemEvent,
  type EventObject,
  fingerprint,
  listAccountKeyVersions,
  newRequestId,
  rotateAccountKey,
  signDestructionCertificate,
  type Store,
  type SystemEventName,
} from "@cinnabar/kernel";
import { type Kysely, sql } from "kysely";
import { assertNotDestroyed, insertDestruction } from "./destruction-repository.ts";

/** An account whose key wrapped material that is destroyed. */
export interface RetiringAccount {
  readonly accountId: string;
  /** This version of its key did, and perhaps older ones. */
  readonly version: number;
}

/** Accounts that still have a version of their key under which destroyed material was wrapped. */
export async function listRetiringAccounts(db: Kysely<unknown>): Promise<readonly RetiringAccount[]> {
  const { rows } = await sql<RetiringAccount>`
    select account_id as "accountId", max(account_key_version) as version from destruction
    where kind = 'key' and exists (
      select 1 from account_key
      where account_key.account_id = destruction.account_id and account_key.version <= destruction.account_key_version
    )
    group by account_id
  `.execute(db);
  return rows;
}

/** At most so often an account's key is replaced because keys were destroyed, in milliseconds. */
const ROTATION_PAUSE_MILLIS = 24 * 60 * 60 * 1000;

/** The earliest time later than `after` at which {@link retireAccountKey} may have a step to take in any account. */
export async function findNextRetirement(
  db: Kysely<unknown>,
  { after, backupRetentionMillis }: { readonly after: number; readonly backupRetentionMillis: number },
): Promise<number | undefined> {
  const { rows } = await sql<{ dueAt: number | null }>`
    select min(due_at) as "dueAt" from (
      select case when rewrapped_at is null then created_at + ${ROTATION_PAUSE_MILLIS}
        else rewrapped_at + ${backupRetentionMillis} end as due_at
      from account_key join (
        select account_id, max(account_key_version) as version from destruction where kind = 'key' group by account_id
      ) retiring on retiring.account_id = account_key.account_id and account_key.version <= retiring.version
    ) steps where due_at > ${after}
  `.execute(db);
  return rows[0]?.dueAt ?? undefined;
}

/** What a step has done; `undefined` if nothing is due. */
export type RetirementStep = "rotated" | "destroyed" | undefined;

/** Ends a transaction that found nothing to do. */
class NothingDueError extends Error {
  override readonly name = "NothingDueError";
}

/**
 * Takes the next step on the way from a destroyed key to the destruction of the account key version that wrapped its
 * material, in one control transaction with its event: the account's key is replaced; and when everything in use has been
 * under the new version for so long that no backup from before should be left, the old version is destroyed, with a
 * certificate of its own. Safe to repeat, and beside other nodes that do the same. Whoever ends interrupted rotations
 * wraps everything under the new version in between.
 *
 * @param options.version - the latest one that wrapped what is destroyed.
 * @param options.uses - every column that is wrapped under account keys.
 * @param options.now - store time that is known to be right: nothing is destroyed that is not due by then, whatever the
 * clock shows inside the transaction.
 * @throws TamperedRowError if something of the account's does not open, or a version that was destroyed is there again:
 * then this step is not taken.
 */
export async function retireAccountKey(
  store: Pick<Store, "control" | "keys" | "signer" | "region">,
  options: {
    readonly accountId: AccountId;
    readonly version: number;
    readonly uses: readonly AccountKeyUse[];
    readonly backupRetentionMillis: number;
    readonly now: number;
  },
): Promise<RetirementStep> {
  try {
    return await store.control.run(async (transaction) => {
      const step = await takeStep(transaction, { ...options, store });
      if (step === undefined) throw new NothingDueError();
      return { result: step.done, event: encodeEvent(transaction, { ...step, store, accountId: options.accountId }) };
    });
  } catch (error) {
    if (error instanceof NothingDueError) return undefined;
    throw error;
  }
}

type Context = Parameters<typeof retireAccountKey>[1] & { readonly store: Parameters<typeof retireAccountKey>[0] };

interface Step {
  readonly done: RetirementStep;
  readonly name: SystemEventName;
  readonly data: EventObject;
}

async function takeStep(transaction: ControlTransaction, context: Context): Promise<Step | undefined> {
  const { accountId, store } = context;
  const versions = await listAccountKeyVersions(transaction, accountId);
  const current = versions.at(-1);
  if (current === undefined) return undefined;
  const { createdAt = 0 } = current;
  if (current.version <= context.version && transaction.now - createdAt >= ROTATION_PAUSE_MILLIS) {
    const data = await rotateAccountKey(transaction, { keys: store.keys, accountId });
    return { done: "rotated", name: "RotateAccountKey", data };
  }
  return destroyNext(transaction, context, { versions, current });
}

async function destroyNext(
  transaction: ControlTransaction,
  { accountId, version, uses, backupRetentionMillis, now, store }: Context,
  {
    versions,
    current,
  }: {
    readonly versions: Awaited<ReturnType<typeof listAccountKeyVersions>>;
    readonly current: { readonly version: number };
  },
): Promise<Step | undefined> {
  const rewrappedBy = Math.min(now, transaction.now) - backupRetentionMillis;
  const due = versions.find(
    ({ version: old, rewrappedAt = Infinity }) =>
      old <= version && old !== current.version && rewrappedAt <= rewrappedBy,
  );
  if (due?.rewrappedAt === undefined) return undefined;
  const subject = `${accountId}/${due.version}`;
  await assertNotDestroyed(transaction, { subject, table: accountKeyTable.name });
  const { keys, signer } = store;
  const { wrapped } = await destroyAccountKeyVersion(transaction, { keys, uses, accountId, version: due.version });
  const certificate = signDestructionCertificate(
    {
      kind: "account-key",
      accountId,
      version: due.version,
      successor: current.version,
      rewrappedAt: due.rewrappedAt,
      backupRetentionSeconds: Math.floor(backupRetentionMillis / 1000),
      destroyedAt: transaction.now,
      epoch: transaction.epoch,
      fingerprint: fingerprint(wrapped),
    },
    signer,
  );
  await transaction.write(
    insertDestruction(transaction, {
      subject,
      kind: "account-key",
      account_id: accountId,
      account_key_version: due.version,
      destroyed_at: transaction.now,
      certificate,
    }),
  );
  return { done: "destroyed", name: "DestroyAccountKey", data: { version: due.version, certificate } };
}

function encodeEvent(
  { now, epoch }: ControlTransaction,
  { name, data, accountId, store }: Step & { readonly accountId: AccountId; readonly store: Pick<Store, "region"> },
): string {
  return encodeSystemEvent({
    name,
    region: store.region,
    eventId: newRequestId(),
    time: now,
    epoch,
    data,
    accountId,
  });
}
