import {
  type DeploymentKeys,
  type EntityFinder,
  type IdentifiedKey,
  isIssuedClientKeyId,
  Lru,
  ownCopy,
  proceed,
} from "@cinnabar/kernel";
import { accessPoints } from "./access-point-repository.ts";
import { Applications } from "./applications.ts";
import { findClientKey, type StoredClientKey } from "./client-key-repository.ts";

const ISSUED_IDS_KEPT = 10_000;

/** Finds the application behind a client key of this deployment. */
export class ClientKeyFinder {
  readonly #tagKey: DeploymentKeys["accessKeyTag"];
  readonly #applications: Applications;
  /** Checking the tag costs as much as a look-up: once is enough for an id that passed. */
  readonly #issued = new Lru<string, true>(ISSUED_IDS_KEPT);

  constructor(options: { readonly keys: DeploymentKeys; readonly region: string }) {
    this.#tagKey = options.keys.accessKeyTag;
    this.#applications = new Applications(options.region);
  }

  /** False for what was certainly never issued; needs no store. */
  isIssued(clientKeyId: string): boolean {
    if (this.#issued.get(clientKeyId) === true) return true;
    if (!isIssuedClientKeyId(this.#tagKey, clientKeyId)) return false;
    this.#issued.set(ownCopy(clientKeyId), true);
    return true;
  }

  find(finder: EntityFinder, clientKeyId: string): IdentifiedKey | undefined | Promise<IdentifiedKey | undefined> {
    return proceed(findClientKey(finder, clientKeyId), (clientKey) => clientKey && this.#identify(finder, clientKey));
  }

  #identify(
    finder: EntityFinder,
    { id, accountId, accessPoint: name, incarnation, verifier, notBefore, notAfter }: StoredClientKey,
  ): IdentifiedKey | undefined | Promise<IdentifiedKey | undefined> {
    return proceed(accessPoints.find(finder, { accountId, name }), (accessPoint) => {
      // Client keys go with their access point: one that was kept from it is none of the next one of that name.
      if (accessPoint?.incarnation !== incarnation) return undefined;
      return proceed(this.#applications.of(finder, accessPoint, id), ({ principal }): IdentifiedKey => {
        return { principal, secret: verifier, refusedAs: undefined, startsAt: notBefore, expiresAt: notAfter };
      });
    });
  }
}
