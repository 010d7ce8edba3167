import type { AccessRequest, RequestContext } from "@cinnabar/kernel";

interface Place {
  readonly region: string;
  readonly accountId: string;
}

export function keyArn({ region, accountId }: Place, keyId: string): string {
  return `acs:kms:${region}:${accountId}:key/${keyId}`;
}

/** All keys of an account, and those that it is about to have. */
export function keysArn({ region, accountId }: Place): string {
  return `acs:kms:${region}:${accountId}:key`;
}

/** @param aliasName - with its prefix `alias/`, which is the ARN's resource type too. */
export function aliasArn({ region, accountId }: Place, aliasName: string): string {
  return `acs:kms:${region}:${accountId}:${aliasName}`;
}

/** An instance, which ARNs call a keystore (Alibaba Cloud KMS, "ListKmsInstances"). */
export function instanceArn({ region, accountId }: Place, instanceId: string): string {
  return `acs:kms:${region}:${accountId}:keystore/${instanceId}`;
}

/** What gives applications their access, by what ARNs call it (Alibaba Cloud SDK, "CreateApplicationAccessPoint" and the like). */
export type AccessResource = "network" | "policy" | "applicationaccesspoint";

export function accessResourceArn({ region, accountId }: Place, resource: AccessResource, name: string): string {
  return `acs:kms:${region}:${accountId}:${resource}/${name}`;
}

export function secretArn({ region, accountId }: Place, name: string): string {
  return `acs:kms:${region}:${accountId}:secret/${name}`;
}

/** A right on all keys or all aliases of the caller's account, or on what it is about to make there. */
export function onOwn(container: "key" | "alias", action: string, context: RequestContext): AccessRequest {
  const { region, principal } = context;
  const resource = `acs:kms:${region}:${principal.accountId}:${container}`;
  return { action, resource, accountId: principal.accountId, hiddenAs: "Forbidden.NoPermission" };
}

/** A right on nothing in particular, or on all there is: only a statement about every resource gives it. */
export function onAnything(action: string, { principal }: RequestContext): AccessRequest {
  return { action, resource: "*", accountId: principal.accountId, hiddenAs: "Forbidden.NoPermission" };
}

/** A right on one alias of the caller's account, which need not exist yet. */
export function onAlias(aliasName: string, action: string, { region, principal }: RequestContext): AccessRequest {
  const { accountId } = principal;
  return {
    action,
    resource: aliasArn({ region, accountId }, aliasName),
    accountId,
    hiddenAs: "Forbidden.AliasNotFound",
  };
}
