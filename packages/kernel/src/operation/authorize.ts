import { ApiError } from "./errors.ts";
import type { AccessRequest } from "./operation.ts";
import type { Principal } from "./principal.ts";

/**
 * The authorization gate: the root of an account may do everything to what its own account owns; everybody else is
 * denied. To another account a resource that may not be used looks like one that does not exist.
 *
 * @throws {@link ApiError} `Forbidden.NoPermission`, or the resource's own "not found".
 */
export function authorize(principal: Principal, requests: readonly AccessRequest[]): void {
  for (const request of requests) {
    if (request.accountId !== principal.accountId) throw new ApiError(request.hiddenAs);
  }
}
