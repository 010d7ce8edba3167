import type { ClientKeyVerifier, RpcRequest, SigningSecret } from "@cinnabar/rpc";
import type { EntityFinder } from "../store/entity-cache.ts";
import type { Credential } from "./principal.ts";

/** Finds who an AccessKey belongs to. */
export interface Authenticator {
  /** False for what was certainly never issued; needs no store. */
  isIssued(presented: PresentedKey): boolean;
  find(finder: EntityFinder, presented: PresentedKey): FoundKey | undefined | Promise<FoundKey | undefined>;
}

/** What a request names its caller by. */
export type PresentedKey = Pick<RpcRequest, "accessKeyId" | "securityToken"> & {
  /** How the request is signed, where that decides what the key can be. */
  readonly protocol?: RpcRequest["protocol"];
};

export type FoundKey = IdentifiedKey | RejectedKey;

export interface IdentifiedKey extends Credential {
  /** What signatures are verified with. */
  readonly secret: SigningSecret | ClientKeyVerifier;
}

/** An AccessKey that comes without the security token that belongs to it: there is nothing to verify a signature with. */
export interface RejectedKey {
  readonly secret: undefined;
  readonly rejectedAs:
    | "MissingSecurityToken"
    | "InvalidSecurityToken.Malformed"
    | "InvalidSecurityToken.MismatchWithAccessKey"
    | "InvalidSecurityToken.Expired";
  /** Set if it may be otherwise by what other processes have changed, and is to be found anew. */
  readonly isOutdated?: true;
}
