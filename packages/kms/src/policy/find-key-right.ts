import { type AccessRequest, proceed, type RequestContext } from "@cinnabar/kernel";
import { findKey, onKey } from "../key/find-key.ts";
import { parseKeyReference } from "../key/key-reference.ts";

/**
 * The right that a call asks for which does `action` to a key of the caller's account: with the key's policy and tags, as the
 * operation itself asks. The event then names the key.
 *
 * @param resource - the key's id, an alias of it (`alias/<name>`), or its ARN.
 * @returns `undefined` for an ARN of anything else: an alias, all keys, another account's key.
 * @throws {@link ApiError} `Forbidden.KeyNotFound` or `Forbidden.AliasNotFound`.
 */
export function findKeyRight(
  context: RequestContext,
  action: string,
  resource: string,
): AccessRequest | undefined | Promise<AccessRequest> {
  const reference = parseKeyReference(resource);
  const { names, name, place } = reference;
  const isArn = resource.startsWith("acs:");
  if (isArn && (names !== "key" || place?.accountId !== context.principal.accountId || name === "*")) return undefined;
  return proceed(findKey(context, reference, { alias: true, arn: true }), (target) => onKey(context, action, target));
}
