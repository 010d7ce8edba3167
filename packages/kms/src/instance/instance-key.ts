import { type AccountId, ApiError, type KeyId, type RequestContext, type RowChange } from "@cinnabar/kernel";
import { defaultKeyPolicy, type KeyPolicy, openKeyPolicy } from "../policy/key-policy.ts";
import { policyAccounts } from "../policy/policy-accounts.ts";
import { changeAccessOf } from "./instance-access.ts";
import { deleteAccessRow, listAccess } from "./instance-access-repository.ts";
import { assertConnected } from "./instance.ts";
import { instanceKind, type StoredInstance } from "./instance-repository.ts";
import { assertRoomInInstance } from "./key-quota.ts";

/** A key's place, for what its policy does to its instance. */
interface PlacedKey {
  readonly id: KeyId;
  readonly accountId: AccountId;
}

/**
 * Refuses a further key in an instance.
 *
 * @throws {@link ApiError} `Rejected.Uninitialized`, `Unsupported.ProtectionLevel` or `Rejected.LimitExceeded`.
 */
export async function assertTakesKeys(context: RequestContext, instance: StoredInstance): Promise<void> {
  assertConnected(instance);
  const isKept = (context.custody.keystore.protectionLevel === "HSM") === (instance.type === "hardware");
  if (!isKept) throw new ApiError("Unsupported.ProtectionLevel");
  await assertRoomInInstance(context, instance);
}

/**
 * The policy of a key that was given none: in another account's instance it names that account too, so that the owner of the
 * instance has what is made in it (Alibaba Cloud KMS, "Share KMS instances across multiple accounts").
 */
export function defaultPolicyIn(
  instance: Pick<StoredInstance, "accountId">,
  accountId: AccountId,
): KeyPolicy | undefined {
  if (instance.accountId === accountId) return undefined;
  return openKeyPolicy(defaultKeyPolicy(accountId, instance.accountId));
}

/**
 * What counts in the quota of a key's instance with the key's policy: every account that it names, but the key's own; of a key that
 * a guest made, none. Whom a guest lets in is no place of the owner's that it could take: the guest itself has one, by its share.
 *
 * @throws {@link ApiError} `Rejected.ShareQuotaExceedLimit`.
 */
export function changePolicyAccess(
  context: RequestContext,
  instance: StoredInstance,
  { key, policy }: { readonly key: PlacedKey; readonly policy: KeyPolicy | undefined },
): Promise<readonly RowChange[]> {
  return changeAccessOf(context, instance, {
    source: { type: "policy", id: key.id },
    accountIds: key.accountId === instance.accountId ? policyAccounts(policy) : [],
    refusedAs: "Rejected.ShareQuotaExceedLimit",
  });
}

/** Clears away what counted by the policy of a key that is destroyed. */
export async function deletePolicyAccess(
  reader: Pick<RequestContext, "db" | "guard" | "find">,
  { id, instanceId }: { readonly id: KeyId; readonly instanceId: StoredInstance["id"] | undefined },
): Promise<readonly RowChange[]> {
  if (instanceId === undefined) return [];
  const accesses = await listAccess(reader, instanceId);
  return accesses
    .filter(({ source }) => source.type === "policy" && source.id === id)
    .map((access) => deleteAccessRow(reader, access));
}

/** The instance that a key is in, if it is in one. */
export async function findInstanceOf(
  context: Pick<RequestContext, "find">,
  { instanceId }: { readonly instanceId: StoredInstance["id"] | undefined },
): Promise<StoredInstance | undefined> {
  return instanceId && context.find(instanceKind, instanceId);
}
