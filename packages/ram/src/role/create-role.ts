import { ApiError, type DeclaredOperation, defineOperation, newRoleId, warningsResult } from "@cinnabar/kernel";
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
import { compileTrust, countRoles, findRole, insertRole, MAX_ROLES, touchedRoleName } from "./role-repository.ts";
import { roleDetails, toRoleDetails } from "./role-view.ts";
import { SEPARATION_ERRORS, type Separation } from "../separation/separation.ts";

export const createRole = (separation: Separation): DeclaredOperation =>
  defineOperation({
    ...ram,
    name: "CreateRole",
    summary: "Makes a role that those may assume whom its trust policy admits.",
    // Under the lock, so that two calls at once neither pass the limit nor take one name.
    kind: "control",
    queue: "rights",
    readWrite: "Write",
    parameters: {
      RoleName: roleName,
      AssumeRolePolicyDocument: trustPolicy,
      Description: description,
      MaxSessionDuration: maxSessionSeconds,
      Tag: newTags,
    },
    result: z.object({ Role: roleDetails.omit({ UpdateDate: true }), ...warningsResult }),
    recordedResult: [],
    errors: [
      ...ROLE_NAME_ERRORS,

      "InvalidParameter.AssumeRolePolicyDocument.Length",
      "InvalidParameter.Description.Length",
      "MalformedPolicyDocument",
      "EntityAlreadyExists.Role",
      "LimitExceeded.Role",
      ...SEPARATION_ERRORS,
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
      const trust = compileTrust(content.trustDocument, roleName);
      return separation.settle(
        context,
        { kind: "trust", role: { roleId, roleName, trust } },
        {
          result: { Role: role },
          changes: [
            insertRole(context, { roleId, place, content }),
            ...insertTags(context, { accountId, type: "role", name: roleName }, Tag),
          ],
          touched: [touchedRoleName(place)],
        },
      );
    },
  });
