import type { Answer, CinnabarClient } from "@cinnabar/client";
import { isAnswer, text, texts } from "../answer-fields.ts";
import { Failure } from "../failure.ts";
import type { Principal } from "./access.ts";
import { listPrincipals } from "./list-principals.ts";
import { toPrincipal } from "./to-principal.ts";

/** A right that somebody has. */
export interface HeldRight {
  readonly action: string;
  /** Names of the roles that are assumed for it, one after the other; none if the right is its own. */
  readonly roles: readonly string[];
}

/** Somebody who may use a key and manage it as well. */
export interface HolderOfBoth extends Principal {
  readonly using: HeldRight;
  readonly managing: HeldRight;
}

/** Who may both use a key and manage it. */
export interface HoldersOfBoth {
  /** The key's ARN, or `*` for all. */
  readonly resource: string;
  readonly both: readonly HolderOfBoth[];
}

/** Asks who may both use a key and manage it, as the separation of duties counts it. */
export async function readBoth(client: CinnabarClient, resource: string): Promise<HoldersOfBoth> {
  const asked = { AuthResource: resource };
  const { arn, principals } = await listPrincipals(client, "ListPrincipalsWithBothRights", asked);
  return { resource: arn, both: principals.map(toHolder) };
}

function toHolder(item: Answer): HolderOfBoth {
  return { ...toPrincipal(item), using: toHeldRight(item["Using"]), managing: toHeldRight(item["Managing"]) };
}

function toHeldRight(right: unknown): HeldRight {
  if (!isAnswer(right)) throw new Failure("The answer does not say by which right.");
  return { action: text(right["Action"]), roles: texts(right, "Roles.Role") };
}
