import { jsonText } from "@cinnabar/kernel";
import { isIpRange } from "@cinnabar/policy";
import { z } from "zod";

/** Addresses that applications may call from (Alibaba Cloud KMS, "CreateNetworkRule"). */
export interface NetworkRule {
  readonly accountId: string;
  /** Never changes, nor does the type. */
  readonly name: string;
  /** Random, of this one alone: see {@link AccessReference}. */
  readonly incarnation: string;
  readonly type: NetworkType;
  /** Addresses and networks in the notation of CIDR; none admits nobody. */
  readonly sources: readonly string[];
  readonly description: string;
  /** Store milliseconds. */
  readonly createdAt: number;
}

export const NETWORK_TYPES = ["Private"] as const;
export type NetworkType = (typeof NETWORK_TYPES)[number];

/** Most addresses and networks of a rule. No limit is published. */
const MAX_SOURCES = 50;

/** The addresses of a network rule as a JSON array. */
export const sourceAddresses: z.ZodType<readonly string[]> = jsonText(
  z.array(z.string().refine(isIpRange)).max(MAX_SOURCES),
  `It must be a JSON array of at most ${MAX_SOURCES} IP addresses or networks such as 192.168.0.0/24.`,
);
