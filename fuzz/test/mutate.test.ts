import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@cinnabar/testkit";
import fc from "fast-check";
import { MAX_INPUT_BYTES, mutate } from "../src/engine/mutate.ts";

const bytes = fc.uint8Array({ maxLength: 300 });

test("gives other bytes, within the bound, and the same for the same seed", () => {
  fc.assert(
    fc.property(bytes, fc.array(bytes, { maxLength: 3 }), fc.integer(), (input, others, seed) => {
      const mutateAgain = () => mutate(input, { random: new SeededRandom(seed), others });
      const mutated = mutateAgain();
      assert(!mutated.equals(input));
      assert(mutated.length <= MAX_INPUT_BYTES);
      assert(mutateAgain().equals(mutated));
    }),
  );
});

test("leaves the bytes that are fixed, and changes what follows them", () => {
  fc.assert(
    fc.property(bytes, fc.nat(300), fc.integer(), (input, length, seed) => {
      const fixedBytes = Math.min(length, input.length);
      const mutated = mutate(input, { random: new SeededRandom(seed), others: [input], fixedBytes });
      assert(mutated.subarray(0, fixedBytes).equals(input.subarray(0, fixedBytes)));
      assert(!mutated.subarray(fixedBytes).equals(input.subarray(fixedBytes)));
    }),
  );
});

test("does not change the input itself", () => {
  fc.assert(
    fc.property(bytes, fc.integer(), (input, seed) => {
      const copy = Buffer.from(input);
      mutate(input, { random: new SeededRandom(seed), others: [] });
      assert(copy.equals(input));
    }),
  );
});

test("grows an input beyond every limit of the server now and then", () => {
  const random = new SeededRandom(1);
  const longest = Math.max(
    ...Array.from({ length: 20_000 }, () => mutate(Buffer.from("KeyId=1"), { random, others: [] }).length),
  );
  assert(longest > 1024 * 1024);
});
