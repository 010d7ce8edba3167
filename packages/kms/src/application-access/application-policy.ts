import { isStorable, jsonText } from "@cinnabar/kernel";
import { z } from "zod";
import { nameList } from "./access-name.ts";
import type { AccessReference } from "./access-row.ts";

/** What an application may do, with what, and from where (Alibaba Cloud KMS, "CreatePolicy"). */
export interface ApplicationPolicy {
  readonly accountId: string;
  /** Never changes, nor does the instance. */
  readonly name: string;
  /** Random, of this one alone: see {@link AccessReference}. */
  readonly incarnation: string;
  /** The instance whose keys it is about; `undefined` for the keys that name none. */
  readonly instanceId: string | undefined;
  readonly permissions: readonly Permission[];
  /** `key/<id>`, `key/*`, `secret/<name>`, `secret/*`. */
  readonly resources: readonly string[];
  /** Network rules of the account, any of which must admit the caller; none admits every address. */
  readonly networkRules: readonly AccessReference[];
  readonly description: string;
  /** Store milliseconds. */
  readonly createdAt: number;
}

export const KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser";
export const SECRET_USER = "RbacPermission/Template/CryptoServiceSecretUser";
export const PERMISSIONS = [KEY_USER, SECRET_USER] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Most resources and network rules of a policy. No limits are published. */
const MAX_RESOURCES = 200;
const MAX_NETWORK_RULES = 10;

/** Ids of keys, and names of secrets (Alibaba Cloud SDK, "CreateSecret"). */
const RESOURCE = /^(?:key\/(?:\*|[A-Za-z0-9-]{1,64})|secret\/(?:\*|[A-Za-z0-9_/+=.@-]{1,192}))$/;

/** The permissions of a policy as a JSON array. */
export const permissions: z.ZodType<readonly Permission[]> = jsonText(
  z.array(z.enum(PERMISSIONS)).min(1).refine(isDistinct),
  `It must be a JSON array of ${PERMISSIONS.join(" and ")}, or one of them.`,
);

/** The resources of a policy as a JSON array. */
export const resources: z.ZodType<readonly string[]> = jsonText(
  z.array(z.string().regex(RESOURCE).refine(isStorable)).min(1).max(MAX_RESOURCES).refine(isDistinct),
  `It must be a JSON array of 1 to ${MAX_RESOURCES} of key/<id>, key/*, secret/<name>, secret/*, each once.`,
);

/** The network rules of a policy, as a JSON object with their names. */
export const accessControlRules: z.ZodType<readonly string[]> = jsonText(
  z
    .strictObject({ NetworkRules: nameList({ min: 0, max: MAX_NETWORK_RULES }) })
    .transform(({ NetworkRules }) => NetworkRules),
  `It must be JSON: {"NetworkRules":[...]}, with the names of at most ${MAX_NETWORK_RULES} network rules, each once.`,
);

/** The inverse of {@link accessControlRules}. */
export function formatAccessControlRules(networkRules: readonly string[]): string {
  return JSON.stringify({ NetworkRules: networkRules });
}

function isDistinct(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}
