import type { Principal } from "@cinnabar/kernel";

/** The alias of a service's key, the same in every account (Alibaba Cloud KMS, "Manage a key alias"). */
export function serviceKeyAlias(service: string): string {
  return `alias/acs/${service}`;
}

/** What stands as the creator of a service's keys (Alibaba Cloud KMS, "Key management FAQs": OSS). */
export function serviceKeyCreator(service: string): string {
  return service.toUpperCase();
}

/** The service that a key is of; `undefined` for a key that a user made: that has its account as creator. */
export function serviceOf({
  creator,
  accountId,
}: {
  readonly creator: string;
  readonly accountId: string;
}): string | undefined {
  return creator === accountId ? undefined : creator.toLowerCase();
}

/** Whether it is its own key that the caller names. */
export function isOwnServiceKey(principal: Principal, aliasName: string): boolean {
  return principal.type === "service" && aliasName === serviceKeyAlias(principal.serviceName);
}
