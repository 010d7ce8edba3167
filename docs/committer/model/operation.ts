/** Entities are reduced to one bit each: a key is enabled, a right is granted. An operation names them by index. */
export type Entities = readonly boolean[];

/** Encrypt, Decrypt and their like: allowed while the entity is in force, answered by the owner of one shard. */
export interface Use {
  readonly kind: "use";
  readonly entity: number;
  readonly shard: number;
  readonly unpromised?: true;
}

/** DisableKey, SetKeyPolicy and their like: puts an entity in force or out of it, if the entity `requires` is in force. */
export interface Control {
  readonly kind: "control";
  readonly entity: number;
  readonly inForce: boolean;
  readonly requires?: number;
  readonly unpromised?: true;
}

/** LookupEvents: reads every log. Its own event is left out of the model. */
export interface Lookup {
  readonly kind: "lookup";
  readonly unpromised?: true;
}

/**
 * What a client calls once in a scenario. Nothing is promised about an operation marked `unpromised`:
 * it depends on a transaction that an asynchronous standby may never have received.
 */
export type Operation = Use | Control | Lookup;

/** The operations of a scenario by name. */
export type Operations = Readonly<Record<string, Operation>>;

/** How a use or a control is decided. */
export type Outcome = "allowed" | "denied";

/** What a client is told. `unavailable` (503) leaves open whether the operation takes place. */
export type Answer = Outcome | "unavailable" | `saw ${string}`;

/** Decides a use or a control against the entities as they are, and returns them as they are afterwards. */
export function decide(operation: Use | Control, entities: Entities): { outcome: Outcome; after: Entities } {
  if (operation.kind === "use") {
    return { outcome: entities[operation.entity] ? "allowed" : "denied", after: entities };
  }
  if (operation.requires !== undefined && !entities[operation.requires]) {
    return { outcome: "denied", after: entities };
  }
  return { outcome: "allowed", after: entities.with(operation.entity, operation.inForce) };
}

/** The answer of a look-up that found the events of these operations. */
export function lookupAnswer(names: readonly string[]): Answer {
  return `saw ${names.toSorted().join(" ")}`;
}

/** The operation of that name; a name outside the scenario is a mistake in the model. */
export function operationNamed(operations: Operations, name: string): Operation {
  const operation = operations[name];
  if (operation === undefined) throw new RangeError(`no operation ${name}`);
  return operation;
}
