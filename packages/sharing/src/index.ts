import type { DeclaredOperation, SweptTable } from "@cinnabar/kernel";
import { listResourceShareAssociations } from "./association/list-resource-share-associations.ts";
import { listSharedResources } from "./association/list-shared-resources.ts";
import { listSharedTargets } from "./association/list-shared-targets.ts";
import { checkSharingStatus } from "./directory/check-sharing-status.ts";
import { enableSharing } from "./directory/enable-sharing.ts";
import { notServed } from "./not-served.ts";
import { listResourceSharePermissions } from "./permission/list-resource-share-permissions.ts";
import { associateResourceShare } from "./share/associate-resource-share.ts";
import { createResourceShare } from "./share/create-resource-share.ts";
import { deleteResourceShare } from "./share/delete-resource-share.ts";
import { disassociateResourceShare } from "./share/disassociate-resource-share.ts";
import type { Accounts } from "./share/entities.ts";
import { listResourceShares } from "./share/list-resource-shares.ts";
import { associationTable, shareTable } from "./share/share-repository.ts";
import { updateResourceShare } from "./share/update-resource-share.ts";

export { sharingMigrations } from "./migrations.ts";
export type { Accounts } from "./share/entities.ts";
export { instanceShares } from "./share/instance-shares.ts";

/** Every operation of Resource Sharing 2020-01-10; those that are not served are refused by name. */
export const sharingOperations = (accounts: Accounts): readonly DeclaredOperation[] => [
  createResourceShare(accounts),
  updateResourceShare,
  deleteResourceShare,
  associateResourceShare(accounts),
  disassociateResourceShare,
  listResourceShares,
  listResourceShareAssociations,
  listSharedResources,
  listSharedTargets,
  listResourceSharePermissions,
  checkSharingStatus,
  enableSharing,
  ...notServed,
];

/** Every table of this package whose rows decide something, for the sweep. */
export const sharingTables: readonly SweptTable[] = [shareTable, associationTable];
