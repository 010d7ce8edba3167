/** Places of a graph that are all reached from one another. */
export interface Component<T> {
  readonly places: readonly T[];
  /** Those that are reached in one step. */
  readonly next: ReadonlySet<Component<T>>;
}

/** So many edges are followed between two pauses. */
const EDGES_AT_ONCE = 1_000;

interface Visit<T> {
  readonly place: T;
  readonly successors: readonly T[];
  /** The next of the successors. */
  at: number;
  readonly order: number;
  /** The first place on the way here that is reached from here, as far as is known. */
  lowest: number;
  readonly next: Set<Component<T>>;
  component?: Component<T>;
}

/**
 * The strongly connected components of everything that is reached from some places (Tarjan, "Depth-first search and linear
 * graph algorithms", 1972), each edge followed once, without recursion.
 *
 * @param pause - is called now and then.
 */
export async function componentsOf<T extends object>(
  starts: Iterable<T>,
  successorsOf: (place: T) => readonly T[],
  pause: () => Promise<void>,
): Promise<ReadonlyMap<T, Component<T>>> {
  const visits = new Map<T, Visit<T>>();
  const found = new Map<T, Component<T>>();
  /** Those visited that belong to no component yet. */
  const open: Visit<T>[] = [];
  /** From the start to where the search is. */
  const path: Visit<T>[] = [];
  const enter = (place: T): void => {
    const order = visits.size;
    const visit = {
      place,
      successors: successorsOf(place),
      at: 0,
      order,
      lowest: order,
      next: new Set<Component<T>>(),
    };
    visits.set(place, visit);
    open.push(visit);
    path.push(visit);
  };
  const close = (root: Visit<T>): void => {
    const members = open.splice(open.lastIndexOf(root));
    const next = new Set(members.flatMap((member) => [...member.next]));
    const component = { places: members.map(({ place }) => place), next };
    for (const member of members) {
      member.component = component;
      found.set(member.place, component);
    }
  };
  const isReached = (from: Visit<T>, to: Visit<T>): void => {
    if (to.component === undefined) from.lowest = Math.min(from.lowest, to.lowest);
    else from.next.add(to.component);
  };
  let edges = 0;
  for (const start of starts) {
    if (!visits.has(start)) enter(start);
    for (let here = path.at(-1); here !== undefined; here = path.at(-1)) {
      if (++edges % EDGES_AT_ONCE === 0) await pause();
      const to = here.successors[here.at++];
      if (to !== undefined) {
        const known = visits.get(to);
        if (known === undefined) enter(to);
        else isReached(here, known);
        continue;
      }
      path.pop();
      if (here.lowest === here.order) close(here);
      const before = path.at(-1);
      if (before !== undefined) isReached(before, here);
    }
  }
  return found;
}
