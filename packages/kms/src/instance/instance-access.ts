import { ApiError, type EntityReader, type ErrorCode, ERRORS, type RowChange } from "@cinnabar/kernel";
import {
  type AccessSource,
  changeAccess,
  deleteAccessRow,
  FREED_AFTER_MILLIS,
  insertAccess,
  listAccess,
  type StoredAccess,
} from "./instance-access-repository.ts";
import type { StoredInstance } from "./instance-repository.ts";

/** Where rows are, and the store's time. */
type TimedReader = EntityReader & { readonly now: number };

/** How much of an instance's quota for accounts and VPCs is taken. */
export interface AccessUse {
  readonly accounts: ReadonlySet<string>;
  readonly used: number;
  /** When it may be less without anybody doing anything. */
  readonly until: number | undefined;
}

/** Every account that something lets in counts once, and 5 minutes longer; and so does every bound VPC. */
export function accessUse(
  { boundVpcs }: Pick<StoredInstance, "boundVpcs">,
  accesses: readonly Pick<StoredAccess, "accountId" | "endedAt">[],
  now: number,
): AccessUse {
  const counting = accesses.filter((access) => counts(access, now));
  const accounts = new Set(counting.map(({ accountId }) => accountId));
  const ends = counting.flatMap(({ endedAt }) => (endedAt === undefined ? [] : [endedAt + FREED_AFTER_MILLIS]));
  return {
    accounts,
    used: accounts.size + boundVpcs.length,
    until: ends.length === 0 ? undefined : Math.min(...ends),
  };
}

/**
 * Has `source` let in these accounts and no others from now on. What counts no more is cleared away.
 *
 * @param wanted.refusedAs - the code where the instance's quota has no room for an account that does not count yet.
 * @throws {@link ApiError} with that code.
 */
export async function changeAccessOf(
  reader: TimedReader,
  instance: StoredInstance,
  wanted: { readonly source: AccessSource; readonly accountIds: readonly string[]; readonly refusedAs: ErrorCode },
): Promise<readonly RowChange[]> {
  const { source, refusedAs } = wanted;
  const { now } = reader;
  const accountIds = new Set(wanted.accountIds.filter((accountId) => accountId !== instance.accountId));
  const accesses = await listAccess(reader, instance.id);
  assertRoom(instance, { accesses, accountIds, now, refusedAs });
  const changes: RowChange[] = [];
  for (const access of accesses) {
    const { accountId, endedAt } = access;
    const isOurs = access.source.type === source.type && access.source.id === source.id;
    if (isOurs && accountIds.delete(accountId)) {
      if (endedAt !== undefined) changes.push(changeAccess(reader, access, undefined));
    } else if (isOurs && endedAt === undefined) {
      changes.push(changeAccess(reader, access, now));
    } else if (!counts(access, now)) {
      changes.push(deleteAccessRow(reader, access));
    }
  }
  for (const accountId of accountIds)
    changes.push(insertAccess(reader, { instanceId: instance.id, accountId, source }));
  return changes;
}

function assertRoom(
  instance: StoredInstance,
  {
    accesses,
    accountIds,
    now,
    refusedAs,
  }: {
    readonly accesses: readonly StoredAccess[];
    readonly accountIds: ReadonlySet<string>;
    readonly now: number;
    readonly refusedAs: ErrorCode;
  },
): void {
  const { accounts, used } = accessUse(instance, accesses, now);
  const further = [...accountIds].filter((accountId) => !accounts.has(accountId)).length;
  if (further === 0 || used + further <= instance.quotas.access) return;
  throw accessQuotaExceeded(instance, refusedAs);
}

/** The refusal of another account or VPC. */
export function accessQuotaExceeded({ id, quotas }: StoredInstance, code: ErrorCode): ApiError {
  const advice = `${quotas.access} accounts and VPCs may reach ${id}; one that was let go counts for 5 minutes more.`;
  return new ApiError(code, `${ERRORS[code].message} ${advice}`);
}

function counts({ endedAt }: Pick<StoredAccess, "endedAt">, now: number): boolean {
  return endedAt === undefined || now < endedAt + FREED_AFTER_MILLIS;
}
