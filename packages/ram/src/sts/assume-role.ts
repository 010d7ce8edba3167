import {
  type DeclaredOperation,
  defineOperation,
  deniedByRule,
  type DeploymentKeys,
  invalidParameter,
  type ParameterValues,
  type Principal,
} from "@cinnabar/kernel";
import { z } from "zod";
import { sts } from "./api.ts";
import { issueSession, sessionResult } from "./issue-session.ts";
import {
  durationSeconds,
  externalId,
  roleArn,
  roleSessionName,
  sessionPolicy,
  sourceParameters,
} from "./parameters.ts";
import { loadRoleTarget, toAssume } from "./role-target.ts";

const NOT_BY_ROOT =
  "You are not authorized to do this action. Roles may not be assumed by the root of an account: call as a RAM user, or as a role.";

export function assumeRole(keys: Pick<DeploymentKeys, "accessKeyTag">): DeclaredOperation {
  return defineOperation({
    ...sts,
    name: "AssumeRole",
    summary: "Begins a session of a role, whose credentials end by themselves, or when the role is changed.",
    kind: "read",
    readWrite: "Read",
    parameters: {
      RoleArn: roleArn,
      RoleSessionName: roleSessionName,
      DurationSeconds: durationSeconds,
      Policy: sessionPolicy,
      ExternalId: externalId,
      ...sourceParameters,
    },
    result: z.object(sessionResult),
    recordedResult: [],
    errors: [
      "InvalidParameter.RoleArn",
      "InvalidParameter.RoleSessionName",
      "InvalidParameter.DurationSeconds",
      "InvalidParameter.PolicyGrammar",
      "InvalidParameter.PolicySize",
      "InvalidParameter.ExternalId",
      "EntityNotExist.Role",
      "NoPermission",
    ],
    target(context, { RoleArn, ExternalId, ...source }) {
      if (context.principal.type === "root-account") {
        throw deniedByRule(context, { product: "Sts", action: "sts:AssumeRole", resource: RoleArn.arn }, NOT_BY_ROOT);
      }
      return loadRoleTarget(context, RoleArn, {
        ...(ExternalId !== undefined && { "sts:externalid": ExternalId }),
        ...sourceConditions(context.principal, source),
      });
    },
    access: (_context, target) => [toAssume(target)],
    async handle(context, { RoleSessionName, DurationSeconds, Policy, SourceArn: sourceArn }, { role }) {
      const named = { sessionName: RoleSessionName, durationSeconds: DurationSeconds, policy: Policy };
      const wanted = { role, ...named, sourceArn };
      return { result: await issueSession(context, keys, wanted) };
    },
  });
}

/**
 * For whom a service says that it calls: a trust policy that asks for it keeps the service from being used by one account to
 * reach what is another's.
 *
 * @throws ApiError `InvalidParameter` if anybody else says it.
 */
function sourceConditions(
  { type }: Principal,
  { SourceAccount, SourceArn }: ParameterValues<typeof sourceParameters>,
): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries({ SourceAccount, SourceArn })) {
    if (value !== undefined && type !== "service")
      throw invalidParameter(name, "Only services say for whom they call.");
  }
  return {
    ...(SourceAccount !== undefined && { "acs:sourceaccount": SourceAccount }),
    ...(SourceArn !== undefined && { "acs:sourcearn": SourceArn }),
  };
}
