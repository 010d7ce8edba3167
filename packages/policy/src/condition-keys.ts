import { categoryOf, type ConditionOperator } from "./condition-operators.ts";

/** What a condition key's values are. */
export type KeyCategory = "String" | "Date" | "Bool" | "IpAddress";

/**
 * The condition keys of what Cinnabar serves, by their names in lower case (Alibaba Cloud RAM, "Policy elements"; KMS, "Use
 * RAM to control access to KMS resources"). A name that ends in a slash stands for one key for each tag.
 */
const KNOWN_KEYS: ReadonlyMap<string, { readonly name: string; readonly category: KeyCategory }> = new Map(
  (
    [
      ["acs:CurrentTime", "Date"],
      ["acs:SecureTransport", "Bool"],
      ["acs:MFAPresent", "Bool"],
      ["acs:SourceIp", "IpAddress"],
      ["acs:VpcSourceIp", "IpAddress"],
      ["acs:SourceVpc", "String"],
      ["acs:SourceAccount", "String"],
      ["acs:SourceArn", "String"],
      ["acs:PrincipalARN", "String"],
      ["acs:ResourceTag/", "String"],
      ["kms:tag/", "String"],
      ["kms:InstanceId", "String"],
      ["ram:ServiceName", "String"],
      ["sts:ExternalId", "String"],
      ["oidc:iss", "String"],
      ["oidc:aud", "String"],
      ["oidc:sub", "String"],
    ] as const
  ).map(([name, category]) => [name.toLowerCase(), { name, category }]),
);

/** The time of the call, as conditions ask for it. */
export const CURRENT_TIME = "acs:currenttime";

/** Services all of whose keys are known: a misspelt one would make a condition that nothing ever meets. */
const SERVED = ["acs", "kms", "ram", "sts", "oidc"];

const KEY = /^[A-Za-z0-9-]+:[A-Za-z0-9_.-]+(?:\/[\p{L}\p{N}/\\_.+=:@ -]+)?$/u;
const MAX_KEY = 256;

/**
 * The name that a condition key is looked up by: lower case, but for what stands behind a slash.
 *
 * @returns `undefined` where there is no such key
 */
export function findConditionKey(name: string): { key: string; category: KeyCategory } | undefined {
  if (name.length > MAX_KEY || !KEY.test(name)) return undefined;
  const slash = name.indexOf("/");
  const base = (slash < 0 ? name : name.slice(0, slash + 1)).toLowerCase();
  const known = KNOWN_KEYS.get(base);
  if (known === undefined && SERVED.includes(base.slice(0, base.indexOf(":")))) return undefined;
  return { key: slash < 0 ? base : base + name.slice(slash + 1), category: known?.category ?? "String" };
}

/**
 * Whether an operator may stand over a key of this category: that of its own kind, or any over one of strings. Another would
 * make a condition that nothing ever meets, or, over addresses and booleans taken as text, only what is written alike.
 */
export function fitsKey(operator: ConditionOperator, category: KeyCategory): boolean {
  return category === "String" || categoryOf(operator) === category;
}

/** For error messages. */
export const CONDITION_KEYS_ALLOWED = `${[...KNOWN_KEYS.values()]
  .map(({ name }) => (name.endsWith("/") ? `${name}<tag key>` : name))
  .join(", ")}, or a key of another service`;
