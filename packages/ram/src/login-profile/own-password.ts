import type { AccessRequest, RequestContext } from "@cinnabar/kernel";
import { compilePolicy, type Policy, PolicySet } from "@cinnabar/policy";
import { onNamed } from "../resource-name.ts";
import { loadSettings } from "../settings/load-settings.ts";

const ACTION = "ram:ChangePassword";

/** Whether an action is the one by which users give themselves other passwords. Letters' case does not matter in actions. */
export function isChangingPassword(action: string): boolean {
  return action.toLowerCase() === ACTION.toLowerCase();
}

/**
 * The right of a user of the caller's account to give itself another password. Where the account leaves passwords to its users,
 * each has it, as long as no policy denies it.
 */
export async function onOwnPassword(context: RequestContext, userName: string): Promise<AccessRequest> {
  const right = onNamed(context, ACTION, { type: "user", name: userName });
  const { securityPreference } = await loadSettings(context);
  if (!securityPreference.usersChangePassword) return right;
  return { ...right, resourcePolicy: ownPassword(context.principal.accountId, userName) };
}

/** What a security preference says of a user and its own password, as a policy. */
function ownPassword(accountId: string, name: string): PolicySet {
  const policy: Policy = {
    kind: "resource",
    statements: [
      {
        effect: "Allow",
        exceptActions: false,
        actions: [ACTION],
        resources: ["*"],
        principals: [{ type: "user", accountId, name }],
        conditions: [],
      },
    ],
  };
  return new PolicySet([compilePolicy(policy, { type: "Resource", name: "AllowUserToChangePassword" })]);
}
