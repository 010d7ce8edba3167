import {
  type Backend,
  ControlStore,
  type DeploymentKeys,
  encodeSystemEvent,
  newRequestId,
  isId,
  openDeploymentKeys,
  type RootKey,
  type RootKeyRotation,
  RowGuard,
  rotateRootKey,
} from "@cinnabar/kernel";
import { accountKeyUses } from "../tables.ts";
import { rewrapAll } from "./account-keys.ts";

/**
 * Puts a store under another root key, with the event in the control log. AccessKey secrets from before account keys
 * wrapped them are put under these first.
 *
 * @param options.seal - kind of the seal, for the event.
 * @throws RootKeyRotatedError if the store is not under `from` any more. UnknownOutcomeError on SQLite, if the disk did
 * not confirm the commit.
 */
export async function putUnderRootKey(options: {
  readonly backend: Backend;
  readonly from: RootKey;
  readonly to: RootKey;
  readonly seal: string;
}): Promise<RootKeyRotation> {
  const { backend, from, to, seal } = options;
  const keys = await openDeploymentKeys(backend, from);
  const store = await ControlStore.open({ backend, guard: new RowGuard(keys.guardKeys) });
  await moveOldSecrets(store, keys);
  return store.run(async (transaction) => {
    const result = await rotateRootKey(transaction, { keys, uses: accountKeyUses, from, to });
    const event = encodeSystemEvent({
      name: "RotateRootKey",
      region: store.region,
      eventId: newRequestId(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: { from: from.checkValue, to: to.checkValue, seal, ...result },
    });
    return { result, event };
  });
}

async function moveOldSecrets(store: ControlStore, keys: DeploymentKeys): Promise<void> {
  const reader = { db: store.reader, guard: store.guard };
  for (const use of accountKeyUses) {
    for (const accountId of await use.accountsWithoutVersion(reader)) {
      // Of no account: nothing in such a row opens, and the sweep tells of it.
      if (isId("Account", accountId)) await rewrapAll(store, { keys, uses: accountKeyUses, accountId });
    }
  }
}
