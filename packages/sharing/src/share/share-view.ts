import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { Share } from "./share-repository.ts";

/** What the API tells of a share. Its status is always Active: what is asked for is done when it is answered. */
export const shareView = z.object({
  ResourceShareId: z.string(),
  ResourceShareName: z.string(),
  ResourceShareOwner: z.string(),
  ResourceShareStatus: z.string(),
  AllowExternalTargets: z.boolean(),
  CreateTime: z.string(),
  UpdateTime: z.string(),
});

export function toShareView(share: Omit<Share, "resources" | "targets" | "stored">): z.infer<typeof shareView> {
  return {
    ResourceShareId: share.id,
    ResourceShareName: share.name,
    ResourceShareOwner: share.accountId,
    ResourceShareStatus: "Active",
    AllowExternalTargets: share.allowsExternal,
    CreateTime: formatInstant(share.createdAt),
    UpdateTime: formatInstant(share.updatedAt),
  };
}
