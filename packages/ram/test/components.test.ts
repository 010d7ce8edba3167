import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Component, componentsOf } from "../src/separation/components.ts";

interface Place {
  readonly name: number;
  readonly to: Place[];
}

function reachedFrom(start: Place): ReadonlySet<Place> {
  const reached = new Set([start]);
  for (const place of reached) for (const to of place.to) reached.add(to);
  return reached;
}

const pause = (): Promise<void> => Promise.resolve();

test("components are the places that reach one another, and lead to all others that these reach", async () => {
  const graph = fc.integer({ min: 1, max: 9 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 3 * size }),
      starts: fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 2 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(graph, async ({ size, edges, starts }) => {
      const places = Array.from({ length: size }, (_, name): Place => ({ name, to: [] }));
      const at = (name: number) => places[name] as Place;
      for (const [from, to] of edges) at(from).to.push(at(to));
      const found = await componentsOf(starts.map(at), ({ to }) => to, pause);
      const reached = new Set(starts.flatMap((start) => [...reachedFrom(at(start))]));
      assert.deepEqual(new Set(found.keys()), reached);
      for (const [place, component] of found) {
        const mutual = [...reachedFrom(place)].filter((other) => reachedFrom(other).has(place));
        assert.deepEqual(new Set(component.places), new Set(mutual));
        const others = new Set<Component<Place>>([component]);
        for (const one of others) for (const next of one.next) others.add(next);
        assert.deepEqual(new Set([...others].flatMap((one) => [...one.places])), reachedFrom(place));
      }
    }),
    { numRuns: 500 },
  );
});

test("a graph with more edges than are followed at once, and longer than any stack", async () => {
  const places = Array.from({ length: 20_000 }, (_, name): Place => ({ name, to: [] }));
  for (const [i, place] of places.entries()) place.to.push(...places.slice(i + 1, i + 3));
  let pauses = 0;
  const found = await componentsOf(
    places.slice(0, 1),
    ({ to }) => to,
    () => {
      pauses++;
      return Promise.resolve();
    },
  );
  assert.equal(new Set(found.values()).size, places.length);
  assert.ok(pauses > 20);
});
