import { type AccountId, ApiError, ERRORS, type InstanceId } from "@cinnabar/kernel";
import type { Vpc } from "./vpc.ts";

/** Longest name of an instance, in characters. Nothing is published about it: it is that of other names of the product. */
export const MAX_INSTANCE_NAME_CHARACTERS = 255;

/** What an instance may hold, and who may reach it beside its owner. */
export interface InstanceQuotas {
  /** Keys, each of whose versions counts (Alibaba Cloud KMS, "CreateKeyVersion"). */
  readonly keys: number;
  readonly secrets: number;
  /** Calls within a second. */
  readonly qps: number;
  /** VPCs and other accounts together (Alibaba Cloud KMS, "Access Management Quota"). */
  readonly access: number;
}

/** A KMS instance: keys of its own, a keystore that does their cryptography, and accounts that it is shared with. */
export interface Instance {
  readonly id: InstanceId;
  /** Its owner. */
  readonly accountId: AccountId;
  /** What keeps its keys: this server, or an HSM. */
  readonly type: "software" | "hardware";
  /** An instance holds nothing before it is connected. */
  readonly state: "Uninitialized" | "Connected";
  readonly name: string;
  readonly createdAt: number;
  /** `undefined` while it is not connected. */
  readonly connectedAt: number | undefined;
  readonly quotas: InstanceQuotas;
  /** What it was said to stand in; `undefined` if nobody said so. It decides nothing. */
  readonly network: InstanceNetwork | undefined;
  /** What else was said to reach it. Decides nothing, and counts in its quota. */
  readonly boundVpcs: readonly Vpc[];
  /** Whether it is its account's default one. */
  readonly isDefault: boolean;
  /** Why it must not be released, in words that may be empty; `undefined` if it may be. */
  readonly deletionProtection: { readonly description: string } | undefined;
}

export interface InstanceNetwork {
  readonly vpcId: string;
  readonly zoneIds: readonly string[];
  readonly vSwitchIds: readonly string[];
}

/** @throws {@link ApiError} `Rejected.Uninitialized` if the instance is not connected: it holds no keys yet. */
export function assertConnected({ state }: Pick<Instance, "state">): void {
  if (state !== "Connected") throw new ApiError("Rejected.Uninitialized");
}

/** The refusal of what an instance's state does not allow. */
export function stateInvalid(advice: string): ApiError {
  const code = "Forbidden.DKMSInstanceStateInvalid";
  return new ApiError(code, `${ERRORS[code].message} ${advice}`);
}
