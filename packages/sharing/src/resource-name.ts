import type { AccessRequest, RequestContext } from "@cinnabar/kernel";

/** A right on a share of the caller's account. */
export function onShare(context: RequestContext, action: string, shareId: string): AccessRequest {
  return onOwn(context, action, `resourceshare/${shareId}`);
}

/** A right on all shares of the caller's account, or on what it is about to make. */
export function onShares(context: RequestContext, action: string): AccessRequest {
  return onOwn(context, action, "resourceshare/*");
}

function onOwn({ region, principal }: RequestContext, action: string, resource: string): AccessRequest {
  const { accountId } = principal;
  return {
    action: `resourcesharing:${action}`,
    resource: `acs:resourcesharing:${region}:${accountId}:${resource}`,
    accountId,
    hiddenAs: "NoPermission",
  };
}
