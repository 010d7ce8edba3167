import { jsonText } from "@cinnabar/kernel";
import type { z } from "zod";
import { nameList } from "./access-name.ts";
import type { AccessReference } from "./access-row.ts";

/** What applications call through: their client keys are its, and what they may do its policies say. */
export interface AccessPoint {
  readonly accountId: string;
  /** Never changes, nor does the method. */
  readonly name: string;
  /** Random, of this one alone: see {@link AccessReference}. */
  readonly incarnation: string;
  readonly authenticationMethod: AuthenticationMethod;
  /** Policies of the account, any of which may allow a call. */
  readonly policies: readonly AccessReference[];
  readonly description: string;
  /** Store milliseconds. */
  readonly createdAt: number;
}

/** How applications prove themselves (Alibaba Cloud SDK, "CreateApplicationAccessPoint"). */
export const AUTHENTICATION_METHODS = ["ClientKey"] as const;
export type AuthenticationMethod = (typeof AUTHENTICATION_METHODS)[number];

/** Most policies of an access point (Alibaba Cloud SDK, "CreateApplicationAccessPoint"). */
const MAX_POLICIES = 3;

/** The policies of an access point as a JSON array of names. */
export const policyNames: z.ZodType<readonly string[]> = jsonText(
  nameList({ min: 1, max: MAX_POLICIES }),
  `It must be a JSON array of the names of 1 to ${MAX_POLICIES} policies, each once.`,
);
