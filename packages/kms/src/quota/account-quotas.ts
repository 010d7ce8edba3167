/**
 * What an account may have in Alibaba Cloud, in one region: those resources "that you create", not those that services
 * make for it (KMS, "Limits").
 */
export const CLOUD_QUOTAS = {
  keys: 200,
  aliases: 300,
  /** Of all its keys together. */
  versions: 10_000,
} as const satisfies Readonly<Record<string, number>>;

/** What is counted of an account. */
export type Counted = keyof typeof CLOUD_QUOTAS;

/** How many of each one account may have; what is not there is not limited. The same on every node. */
export type AccountQuotas = Readonly<Partial<Record<Counted, number>>>;

/** Whether a further key could be one too many: then it is made under the epoch's lock, where nobody else takes its place. */
export function limitsKeys({ keys, versions }: AccountQuotas): boolean {
  return keys !== undefined || versions !== undefined;
}
