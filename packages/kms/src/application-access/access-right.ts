import type { AccessRequest, RequestContext } from "@cinnabar/kernel";
import { accessResourceArn, type AccessResource } from "../resource-name.ts";

/** The right to do `action` to what has this name in the caller's account, or is about to have it. */
export function onNamed(
  context: RequestContext,
  action: string,
  { resource, name }: { readonly resource: AccessResource; readonly name: string },
): AccessRequest {
  const { region, principal } = context;
  return {
    action,
    resource: accessResourceArn({ region, accountId: principal.accountId }, resource, name),
    ...own(context),
  };
}

/** The right to do `action` to all of the kind in the caller's account. */
export function onAllOf(context: RequestContext, action: string, resource: AccessResource): AccessRequest {
  const { region, principal } = context;
  return { action, resource: `acs:kms:${region}:${principal.accountId}:${resource}`, ...own(context) };
}

function own({ principal }: RequestContext): Pick<AccessRequest, "accountId" | "hiddenAs"> {
  return { accountId: principal.accountId, hiddenAs: "Forbidden.ResourceNotFound" };
}
