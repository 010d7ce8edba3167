import { z } from "zod";
import { formatInstant } from "../api.ts";
import type { Group } from "./group-repository.ts";

/** A group as it is answered when it is made. */
export const newGroupView = z.object({
  GroupId: z.string(),
  GroupName: z.string(),
  Comments: z.string().optional(),
  CreateDate: z.string(),
});

/** A group as every other operation answers it. */
export const groupView = z.object({ ...newGroupView.shape, UpdateDate: z.string() });

export function toNewGroupView(
  group: Pick<Group, "groupId" | "groupName" | "comments" | "createdAt">,
): z.infer<typeof newGroupView> {
  const { groupId, groupName, comments, createdAt } = group;
  return {
    GroupId: groupId,
    GroupName: groupName,
    ...(comments !== undefined && { Comments: comments }),
    CreateDate: formatInstant(createdAt),
  };
}

export function toGroupView(group: Omit<Group, "stored" | "accountId">): z.infer<typeof groupView> {
  return { ...toNewGroupView(group), UpdateDate: formatInstant(group.updatedAt) };
}
