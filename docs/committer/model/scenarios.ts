import type { Control, Lookup, Operations, Use } from "./operation.ts";
import { type Faults, NO_FAULTS, type Protocol, THE_PROTOCOL } from "./protocol.ts";
import type { ViolationKind } from "./properties.ts";
import type { Model } from "./state.ts";

/** A model, and what exploring it must show. */
export interface Scenario {
  readonly name: string;
  readonly model: Model;
  readonly expected: { readonly states: number } | ViolationKind;
}

const use = (entity: number, shard: number): Use => ({ kind: "use", entity, shard });
const disable = (entity: number): Control => ({ kind: "control", entity, inForce: false });
const enable = (entity: number): Control => ({ kind: "control", entity, inForce: true });
const lookup: Lookup = { kind: "lookup" };

function modelOf(
  operations: Operations,
  options: { nodes?: number; protocol?: Partial<Protocol>; faults?: Partial<Faults> } = {},
): Model {
  return {
    operations,
    nodes: options.nodes ?? 1,
    protocol: { ...THE_PROTOCOL, ...options.protocol },
    faults: { ...NO_FAULTS, ...options.faults },
  };
}

const disabling = { nodes: 2, operations: { disable: disable(0), u: use(0, 0), v: use(0, 1) } };
const lookingUp = { nodes: 2, operations: { disable: disable(0), u: use(0, 0), lookup } };
const losingConnections = {
  faults: { lostConnections: 2 },
  operations: { disable: disable(0), u: use(0, 0), v: use(1, 0) },
};
const takingOver = {
  faults: { crashes: 1, takeovers: 1 },
  operations: { disable: disable(0), u: use(0, 0), v: use(0, 0) },
};
const failingOver = {
  faults: { failovers: 1 },
  operations: {
    disable: { ...disable(0), unpromised: true },
    disableOther: disable(1),
    a: { ...use(0, 0), unpromised: true },
    v: use(1, 0),
  },
} as const;
/** Entity 1 is the right to disable entity 0; the use is the witness of when disabling took effect. */
const withdrawing = {
  nodes: 1,
  operations: { withdraw: disable(1), disable: { ...disable(0), requires: 1 }, u: use(0, 0) },
} as const;

/** The protocol as it is: everything holds. The counts are exact, so that a change of the model is seen. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "1 disable, two nodes",
    model: modelOf(disabling.operations, disabling),
    expected: { states: 6001 },
  },
  {
    name: "2 disable, use, LookupEvents",
    model: modelOf(lookingUp.operations, lookingUp),
    expected: { states: 2182 },
  },
  {
    name: "3 disable and enable, two nodes",
    model: modelOf({ disable: disable(0), enable: enable(0), u: use(0, 0), v: use(0, 1) }, { nodes: 2 }),
    expected: { states: 745_761 },
  },
  {
    name: "4 two keys, two controls",
    model: modelOf({ disable: disable(0), disableOther: disable(1), u: use(0, 0), v: use(1, 1) }, { nodes: 2 }),
    expected: { states: 731_765 },
  },
  {
    name: "5 two lost connections, 503",
    model: modelOf(losingConnections.operations, losingConnections),
    expected: { states: 337_316 },
  },
  {
    name: "6 crash, takeover, the zombie alive",
    model: modelOf(takingOver.operations, takingOver),
    expected: { states: 130_903 },
  },
  {
    name: "7 crash, takeover and a lost connection",
    model: modelOf({ disable: disable(0), u: use(0, 0) }, { faults: { crashes: 1, takeovers: 1, lostConnections: 1 } }),
    expected: { states: 77_212 },
  },
  {
    name: "8 failover without the last control",
    model: modelOf(failingOver.operations, failingOver),
    expected: { states: 428_729 },
  },
  {
    name: "9 three nodes",
    model: modelOf({ disable: disable(0), u: use(0, 0), v: use(1, 1), w: use(0, 2) }, { nodes: 3 }),
    expected: { states: 492_326 },
  },
  {
    name: "10 a control loses its right, deciding under the lock",
    model: modelOf(withdrawing.operations, withdrawing),
    expected: { states: 4875 },
  },
  {
    name: "11 a control loses its right, deciding ahead",
    model: modelOf(withdrawing.operations, { ...withdrawing, protocol: { controlDecides: "ahead, tag compared" } }),
    expected: { states: 8051 },
  },
  {
    name: "12 a right withdrawn and restored, LookupEvents",
    model: modelOf(
      { withdraw: disable(1), restore: enable(1), disable: { ...disable(0), requires: 1 }, lookup },
      { protocol: { controlDecides: "ahead, tag compared" } },
    ),
    expected: { states: 216_573 },
  },
];

/** The protocol with one thing wrong: each shows what that thing is there for. */
export const MUTANTS: readonly Scenario[] = [
  {
    name: "m1 no epoch check",
    model: modelOf(disabling.operations, { ...disabling, protocol: { batchCheck: "none" } }),
    expected: "not linearizable",
  },
  {
    name: "m2 subselect without a lock, P1 alone",
    model: modelOf(disabling.operations, { ...disabling, protocol: { batchCheck: "subselect" } }),
    expected: { states: 5939 },
  },
  {
    name: "m3 subselect without a lock, LookupEvents",
    model: modelOf(lookingUp.operations, { ...lookingUp, protocol: { batchCheck: "subselect" } }),
    expected: "not linearizable",
  },
  {
    name: "m4 rows before tag",
    model: modelOf(
      { disable: disable(0), disableOther: disable(1), u: use(0, 0), w: use(0, 0) },
      { protocol: { refresh: "rows first" } },
    ),
    expected: "not linearizable",
  },
  {
    name: "m5 no unique (shard, seq), lost connections",
    model: modelOf(losingConnections.operations, { ...losingConnections, protocol: { uniqueSeq: false } }),
    expected: "a record that nothing accounts for",
  },
  {
    name: "m6 answer 503 and forget",
    model: modelOf(losingConnections.operations, { ...losingConnections, protocol: { afterUnavailable: "forget" } }),
    expected: "a record that nothing accounts for",
  },
  {
    name: "m7 no unique (shard, seq), takeover",
    model: modelOf(takingOver.operations, { ...takingOver, protocol: { uniqueSeq: false } }),
    expected: "a record that nothing accounts for",
  },
  {
    name: "m8 failover, a number instead of a tag",
    model: modelOf(failingOver.operations, { ...failingOver, protocol: { epochName: "number" } }),
    expected: "not linearizable",
  },
  {
    name: "m9 a control decides ahead, tag not compared",
    model: modelOf(withdrawing.operations, { ...withdrawing, protocol: { controlDecides: "ahead, unchecked" } }),
    expected: "not linearizable",
  },
  {
    name: "m10 a control decides ahead, rows before tag",
    model: modelOf(withdrawing.operations, {
      ...withdrawing,
      protocol: { controlDecides: "ahead, tag compared", refresh: "rows first" },
    }),
    expected: "not linearizable",
  },
];
