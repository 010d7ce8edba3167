import { z } from "zod";
import { formatInstant } from "../api.ts";
import { ramArn } from "../resource-name.ts";
import type { Role } from "./role-repository.ts";

/** What lists say of a role. */
export const roleSummary = z.object({
  RoleId: z.string(),
  RoleName: z.string(),
  Arn: z.string(),
  Description: z.string(),
  CreateDate: z.string(),
  UpdateDate: z.string(),
  MaxSessionDuration: z.int(),
});

/** All that is said of a role. */
export const roleDetails = roleSummary.extend({ AssumeRolePolicyDocument: z.string() });

type Described = Omit<Role, "trust" | "revision" | "stored">;

export function toRoleSummary(role: Described): z.infer<typeof roleSummary> {
  const { roleId, roleName, accountId, description, createdAt, updatedAt, maxSessionSeconds } = role;
  return {
    RoleId: roleId,
    RoleName: roleName,
    Arn: ramArn(accountId, "role", roleName),
    Description: description,
    CreateDate: formatInstant(createdAt),
    UpdateDate: formatInstant(updatedAt),
    MaxSessionDuration: maxSessionSeconds,
  };
}

export function toRoleDetails(role: Described): z.infer<typeof roleDetails> {
  return { ...toRoleSummary(role), AssumeRolePolicyDocument: role.trustDocument };
}
