import { ApiError, proceed, type RequestContext } from "@cinnabar/kernel";
import { accessPoints, type StoredAccessPoint } from "./access-point-repository.ts";

/** What a call about an access point of the caller's account is about. */
export interface AccessPointTarget {
  readonly resource: "applicationaccesspoint";
  readonly name: string;
  readonly accessPoint: StoredAccessPoint;
}

/** @throws ApiError `Forbidden.ResourceNotFound`. */
export function loadAccessPoint(context: RequestContext, name: string): AccessPointTarget | Promise<AccessPointTarget> {
  return proceed(accessPoints.find(context, { accountId: context.principal.accountId, name }), (accessPoint) => {
    if (accessPoint === undefined) throw new ApiError("Forbidden.ResourceNotFound");
    return { resource: "applicationaccesspoint", name, accessPoint };
  });
}
