import { defineOperation, type Principal } from "@cinnabar/kernel";
import { z } from "zod";
import { sts } from "./api.ts";

export const getCallerIdentity = defineOperation({
  ...sts,
  name: "GetCallerIdentity",
  summary: "Says who calls. It needs no permission.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({
    AccountId: z.string(),
    Arn: z.string(),
    /** The last one is not published: there are no such callers in the cloud. */
    IdentityType: z.enum(["Account", "RAMUser", "AssumedRoleUser", "Service"]),
    PrincipalId: z.string(),
    UserId: z.string().optional(),
    RoleId: z.string().optional(),
  }),
  recordedResult: ["Arn", "IdentityType"],
  errors: [],
  target: () => undefined,
  access: () => [],
  handle: ({ principal }) => ({ result: { AccountId: principal.accountId, ...describe(principal) } }),
});

function describe(principal: Principal) {
  const { accountId, arn: Arn } = principal;
  switch (principal.type) {
    case "root-account":
      return { Arn, IdentityType: "Account", PrincipalId: accountId, UserId: accountId } as const;
    case "ram-user":
      return { Arn, IdentityType: "RAMUser", PrincipalId: principal.userId, UserId: principal.userId } as const;
    case "assumed-role": {
      const { roleId, roleName, sessionName } = principal;
      return {
        Arn: `acs:ram::${accountId}:assumed-role/${roleName}/${sessionName}`,
        IdentityType: "AssumedRoleUser",
        PrincipalId: `${roleId}:${sessionName}`,
        RoleId: roleId,
      } as const;
    }
    case "service":
      return { Arn, IdentityType: "Service", PrincipalId: principal.serviceName } as const;
    case "application":
    case "federated-user":
      throw new RangeError("a caller without an AccessKey cannot have signed");
  }
}
