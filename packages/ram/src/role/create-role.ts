import { ApiError, defineOperation, newRoleId } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { description } from "../policy/policy-parameters.ts";
import { onNamed } from "../resource-name.ts";
import { insertTags } from "../tag/tag-repository.ts";
import { newTags } from "../tag/tag-parameters.ts";
import {
  DEFAULT_SESSION_SECONDS,
  maxSessionSeconds,
  ROLE_NAME_ERRORS,
  roleName,
  trustPolicy,
} from "./role-parameters.ts";
import { countRoles, findRole, insertRole, touchedRoleName } from "./role-repository.ts";
import { roleDetails, toRoleDetails } from "./role-view.ts";

/** Most roles of one account (Alibaba Cloud RAM, "Limits"). */
export const MAX_ROLES = 1000;

export const createRole = defineOperation({
  ...ram,
  name: "CreateRole",
  summary: "Makes a role that those may assume whom its trust policy admits.",
  // Under the lock, so that two calls at once neither pass the limit nor take one name.
  kind: "control",
  readWrite: "Write",
  parameters: {
    RoleName: roleName,
    AssumeRolePolicyDocument: trustPolicy,
    Description: description,
    MaxSessionDuration: maxSessionSeconds,
    Tag: newTags,
  },
  result: z.object({ Role: roleDetails.omit({ UpdateDate: true }) }),
  recordedResult: [],
  errors: [
    ...ROLE_NAME_ERRORS,

    "InvalidParameter.AssumeRolePolicyDocument.Length",
    "InvalidParameter.Description.Length",
    "MalformedPolicyDocument",
    "EntityAlreadyExists.Role",
    "LimitExceeded.Role",
  ],
  target: (context, { RoleName: name }) => ({ accountId: context.principal.accountId, name }),
  access: (context, { name }) => [onNamed(context, "ram:CreateRole", { type: "role", name })],
  async handle(context, parameters, place) {
    const { accountId, name: roleName } = place;
    const { Description = "", AssumeRolePolicyDocument, MaxSessionDuration, Tag = new Map() } = parameters;
    if ((await findRole(context, place)) !== undefined) throw new ApiError("EntityAlreadyExists.Role");
    if ((await countRoles(context, accountId)) >= MAX_ROLES) throw new ApiError("LimitExceeded.Role");
    const roleId = newRoleId();
    const content = {
      description: Description,
      trustDocument: AssumeRolePolicyDocument.text,
      maxSessionSeconds: MaxSessionDuration ?? DEFAULT_SESSION_SECONDS,
    };
    const { now } = context;
    const details = toRoleDetails({ roleId, roleName, accountId, ...content, createdAt: now, updatedAt: now });
    const { UpdateDate: _updateDate, ...role } = details;
    context.about("ACS::RAM::Role", roleName);
    return {
      result: { Role: role },
      changes: [
        insertRole(context, { roleId, place, content }),
        ...insertTags(context, { accountId, type: "role", name: roleName }, Tag),
      ],
      touched: [touchedRoleName(place)],
    };
  },
});
