import { type AccessRequest, proceed, type RequestContext } from "@cinnabar/kernel";
import type { PolicySet } from "@cinnabar/policy";
import { withHost } from "../instance/host-policy.ts";
import { instanceKind } from "../instance/instance-repository.ts";
import { instanceConditions } from "../instance-protocol/instance-key.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { parseKeyReference } from "../key/key-reference.ts";
import type { StoredKey } from "../key/key-repository.ts";

/** A right on a key, and what conditions find of it if it is an application that calls. */
export interface KeyRight extends AccessRequest {
  readonly ofApplications: ReadonlyMap<string, string>;
  /** What another policy of the key would come to, beside what counts for the owner of its instance. */
  readonly withPolicy: (policy: PolicySet) => PolicySet;
}

/**
 * The right that a call asks for which does `action` to a key of the caller's account: with the key's policy, what counts beside
 * it for the owner of the key's instance, and its tags, as the operation itself asks. The event then names the key.
 *
 * @param resource - the key's id, an alias of it (`alias/<name>`), or its ARN.
 * @returns `undefined` for an ARN of anything else: an alias, all keys, another account's key.
 * @throws {@link ApiError} `Forbidden.KeyNotFound` or `Forbidden.AliasNotFound`.
 */
export function findKeyRight(
  context: RequestContext,
  action: string,
  resource: string,
): KeyRight | undefined | Promise<KeyRight> {
  const reference = parseKeyReference(resource);
  const { names, name, place } = reference;
  const isArn = resource.startsWith("acs:");
  if (isArn && (names !== "key" || place?.accountId !== context.principal.accountId || name === "*")) return undefined;
  return proceed(findKey(context, reference, { alias: true, arn: true }), (target) =>
    proceed(findHost(context, target.key), (host): KeyRight => {
      const right = onKey(context, action, target);
      const { resourcePolicy } = right;
      const withPolicy = (policy: PolicySet | undefined) => (host === undefined ? policy : withHost(policy, host));
      // To the owner of the instance it comes so already.
      const isOfHost = host === context.principal.accountId;
      return {
        ...right,
        resourcePolicy: isOfHost ? resourcePolicy : withPolicy(resourcePolicy),
        ofApplications: instanceConditions(target.key),
        withPolicy: (policy) => withPolicy(policy) ?? policy,
      };
    }),
  );
}

/** The account that has the key's instance, if another one made the key. */
function findHost(
  context: RequestContext,
  { instanceId, accountId }: StoredKey,
): string | undefined | Promise<string | undefined> {
  if (instanceId === undefined) return undefined;
  return proceed(context.find(instanceKind, instanceId), (instance) =>
    instance?.accountId === accountId ? undefined : instance?.accountId,
  );
}
