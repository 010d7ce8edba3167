import { type ErrorCode, type Parameter, type RequestContext, required } from "@cinnabar/kernel";
import { loadGroupByName } from "../group/group-repository.ts";
import { nameParameter } from "../parameters/names.ts";
import { loadRole } from "../role/load-role.ts";
import { ROLE_NAME_ERRORS, roleName } from "../role/role-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import type { AttachedType } from "./attachment-repository.ts";

/** What is said of users, groups and roles alike as those whom policies are attached to. */
export interface AttachedKind {
  readonly type: AttachedType;
  /** The parameter that names one. */
  readonly name: Parameter<string, "required">;
  readonly nameErrors: readonly ErrorCode[];
  readonly notFound: ErrorCode;
  readonly alreadyAttached: ErrorCode;
  readonly notAttached: ErrorCode;
  readonly tooMany: ErrorCode;
  /** Most custom policies (Alibaba Cloud RAM, "Limits"). */
  readonly maxCustomPolicies: number;
  /** The id of the one of that name in the caller's account, which the event then names. */
  loadId(context: RequestContext, name: string): Promise<string>;
}

/** Most system policies of one user, group or role (Alibaba Cloud RAM, "Limits"). */
export const MAX_SYSTEM_POLICIES = 20;

export const users: AttachedKind = {
  type: "user",
  name: required({
    ...nameParameter("user", {
      invalidChars: "InvalidParameter.UserName.InvalidChars",
      length: "InvalidParameter.UserName.Length",
    }),
    description: "The user's name.",
  }),
  nameErrors: ["InvalidParameter.UserName.InvalidChars", "InvalidParameter.UserName.Length"],
  notFound: "EntityNotExist.User",
  alreadyAttached: "EntityAlreadyExists.User.Policy",
  notAttached: "EntityNotExist.User.Policy",
  tooMany: "LimitExceeded.User.Policy",
  maxCustomPolicies: 10,
  loadId: async (context, name) => (await loadUserByName(context, name)).userId,
};

export const groups: AttachedKind = {
  type: "group",
  name: required({
    ...nameParameter("group", {
      invalidChars: "InvalidParameter.GroupName.InvalidChars",
      length: "InvalidParameter.GroupName.Length",
    }),
    description: "The group's name.",
  }),
  nameErrors: ["InvalidParameter.GroupName.InvalidChars", "InvalidParameter.GroupName.Length"],
  notFound: "EntityNotExist.Group",
  alreadyAttached: "EntityAlreadyExists.Group.Policy",
  notAttached: "EntityNotExist.Group.Policy",
  tooMany: "LimitExceeded.Group.Policy",
  maxCustomPolicies: 5,
  loadId: async (context, name) => (await loadGroupByName(context, name)).groupId,
};

export const roles: AttachedKind = {
  type: "role",
  name: roleName,
  nameErrors: ROLE_NAME_ERRORS,
  notFound: "EntityNotExist.Role",
  alreadyAttached: "EntityAlreadyExists.Role.Policy",
  notAttached: "EntityNotExist.Role.Policy",
  tooMany: "LimitExceeded.Role.Policy",
  maxCustomPolicies: 5,
  loadId: async (context, name) => (await loadRole(context, name)).roleId,
};
