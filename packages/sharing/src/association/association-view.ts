import { instanceArn } from "@cinnabar/kms";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import { PERMISSION } from "../permission/permission.ts";
import type { Association, Share } from "../share/share-repository.ts";

/** What the API tells of a resource or target of a share. */
export const associationView = z.object({
  ResourceShareId: z.string(),
  ResourceShareName: z.string(),
  AssociationType: z.string(),
  AssociationStatus: z.string(),
  EntityId: z.string(),
  EntityType: z.string(),
  /** Of a resource. */
  ResourceArn: z.string().optional(),
  CreateTime: z.string(),
  UpdateTime: z.string(),
});

export type AssociationView = z.infer<typeof associationView>;

/** @param status - what is asked for is done when it is answered: Associated, or Disassociated. */
export function toAssociationView(
  region: string,
  share: Pick<Share, "id" | "name" | "accountId">,
  {
    type,
    entityId,
    createdAt,
    updatedAt = createdAt,
    status = "Associated",
  }: Pick<Association, "type" | "entityId" | "createdAt"> & {
    readonly updatedAt?: number;
    readonly status?: "Associated" | "Disassociated";
  },
): AssociationView {
  const isResource = type === "Resource";
  return {
    ResourceShareId: share.id,
    ResourceShareName: share.name,
    AssociationType: type,
    AssociationStatus: status,
    EntityId: entityId,
    EntityType: isResource ? PERMISSION.resourceType : "Account",
    ...(isResource && { ResourceArn: instanceArn({ region, accountId: share.accountId }, entityId) }),
    CreateTime: formatInstant(createdAt),
    UpdateTime: formatInstant(updatedAt),
  };
}
