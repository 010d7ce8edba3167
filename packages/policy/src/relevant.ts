import type { CompiledPolicy } from "./compiled-policy.ts";
import { ResourceName } from "./resource-pattern.ts";

/** What is asked about: any of some actions, to one resource. */
export interface AskedAccess {
  readonly actions: readonly string[];
  readonly resource: string;
}

/**
 * A policy without the statements that say nothing of the access, whoever asks and whatever the circumstances: it decides the
 * access as the whole does. `undefined` if nothing is left. Statements keep their index.
 */
export function relevantTo(policy: CompiledPolicy, { actions, resource }: AskedAccess): CompiledPolicy | undefined {
  const name = new ResourceName(resource);
  const statements = policy.statements.filter(
    (statement) => statement.coversResource(name) && actions.some((action) => statement.coversAction(action)),
  );
  return statements.length === 0 ? undefined : { ...policy, statements };
}
