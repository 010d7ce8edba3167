import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { findGroups } from "../group/group-repository.ts";
import { loadPolicy } from "../policy/load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, policyType } from "../policy/policy-parameters.ts";
import { onPolicy } from "../policy/policy-view.ts";
import { ramArn } from "../resource-name.ts";
import { findRoles } from "../role/role-repository.ts";
import { findUsers } from "../user/user-repository.ts";
import { type AttachedEntity, type AttachedType, listAttachedEntities } from "./attachment-repository.ts";

export const listEntitiesForPolicy = defineOperation({
  ...ram,
  name: "ListEntitiesForPolicy",
  summary: "Lists the users, groups and roles that a policy is attached to, in the order in which it was.",
  kind: "read",
  readWrite: "Read",
  parameters: { PolicyType: policyType, PolicyName: policyName },
  result: z.object({
    Users: z.object({
      User: z.array(
        z.object({ UserId: z.string(), UserName: z.string(), DisplayName: z.string(), AttachDate: z.string() }),
      ),
    }),
    Groups: z.object({
      Group: z.array(z.object({ GroupName: z.string(), Comments: z.string(), AttachDate: z.string() })),
    }),
    Roles: z.object({
      Role: z.array(
        z.object({
          RoleId: z.string(),
          RoleName: z.string(),
          Arn: z.string(),
          Description: z.string(),
          AttachDate: z.string(),
        }),
      ),
    }),
  }),
  recordedResult: [],
  errors: [...POLICY_NAME_ERRORS, "InvalidParameter.PolicyType", "EntityNotExist.Policy"],
  target: (_context, { PolicyType: type, PolicyName: name }) => ({ type, name }),
  access: (context, policy) => [onPolicy(context, "ram:ListEntitiesForPolicy", policy)],
  async handle(context, _parameters, reference) {
    await loadPolicy(context, reference);
    const { accountId } = context.principal;
    const attached = await listAttachedEntities(context, { accountId, policy: reference });
    const users = await findUsers(context, idsOf(attached, "user"));
    const groups = await findGroups(context, idsOf(attached, "group"));
    const roles = await findRoles(context, idsOf(attached, "role"));
    return {
      result: {
        Users: {
          User: inOrder(attached, users, ({ userId }) => userId).map(({ item, date }) => ({
            UserId: item.userId,
            UserName: item.userName,
            DisplayName: item.displayName ?? "",
            AttachDate: date,
          })),
        },
        Groups: {
          Group: inOrder(attached, groups, ({ groupId }) => groupId).map(({ item, date }) => ({
            GroupName: item.groupName,
            Comments: item.comments ?? "",
            AttachDate: date,
          })),
        },
        Roles: {
          Role: inOrder(attached, roles, ({ roleId }) => roleId).map(({ item, date }) => ({
            RoleId: item.roleId,
            RoleName: item.roleName,
            Arn: ramArn(accountId, "role", item.roleName),
            Description: item.description,
            AttachDate: date,
          })),
        },
      },
    };
  },
});

function idsOf(attached: readonly AttachedEntity[], type: AttachedType): string[] {
  return attached.filter((entity) => entity.type === type).map(({ id }) => id);
}

/** What was found of those whom the policy is attached to, in the order in which that was done, and when it was. */
function inOrder<Item>(
  attached: readonly AttachedEntity[],
  found: readonly Item[],
  idOf: (item: Item) => string,
): { readonly item: Item; readonly date: string }[] {
  const byId = new Map(found.map((item) => [idOf(item), item]));
  return attached.flatMap(({ id, attachedAt }) => {
    const item = byId.get(id);
    return item === undefined ? [] : [{ item, date: formatInstant(attachedAt) }];
  });
}
