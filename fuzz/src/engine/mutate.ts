import type { SeededRandom } from "@cinnabar/testkit";
import { BROKEN_UTF8, TELLING_BYTES, TOKENS } from "./dictionary.ts";

/** More than any limit of the server's, so that each of them is passed now and then. */
export const MAX_INPUT_BYTES = 1_200_000;

const MAX_STEPS = 8;
const MAX_NOISE_BYTES = 16;
const MAX_RANGE_BYTES = 64;
/** How often what would be repeated is made huge instead. */
const HUGE_CHANCE = 0.01;
const HUGE_BYTES = [4_097, 16_385, 70_000, 262_145, 1_048_577] as const;

interface Material {
  readonly random: SeededRandom;
  /** Other inputs, to take parts from. */
  readonly others: readonly Uint8Array[];
}

type Step = (input: Buffer, material: Material) => Buffer;

/**
 * Changes an input in one to eight steps, as the random numbers say; most often in one or two.
 *
 * @param options.fixedBytes - how many bytes at the beginning stay as they are.
 * @returns bytes that differ from the input's, at most {@link MAX_INPUT_BYTES} of them.
 */
export function mutate(input: Uint8Array, options: Material & { readonly fixedBytes?: number }): Buffer {
  const { random, others, fixedBytes = 0 } = options;
  const original: Buffer = Buffer.from(input.subarray(fixedBytes));
  const parts = others.map((other) => other.subarray(fixedBytes));
  let mutated = original;
  do {
    let steps = 0;
    do mutated = random.pick(STEPS)(mutated, { random, others: parts });
    while (++steps < MAX_STEPS && random.chance(0.4));
  } while (mutated.equals(original));
  return Buffer.concat([input.subarray(0, fixedBytes), mutated]).subarray(0, MAX_INPUT_BYTES);
}

const STEPS: readonly Step[] = [
  function flipBit(input, { random }) {
    if (input.length === 0) return input;
    const copy = Buffer.from(input);
    const at = below(random, copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << below(random, 8));
    return copy;
  },
  function setByte(input, { random }) {
    if (input.length === 0) return input;
    const copy = Buffer.from(input);
    copy[below(random, copy.length)] = random.chance(0.5) ? random.pick(TELLING_BYTES) : below(random, 256);
    return copy;
  },
  function insertToken(input, { random }) {
    return insert(input, random.pick(TOKENS), random);
  },
  function replaceByToken(input, { random }) {
    const { start, end } = range(input, random);
    return Buffer.concat([input.subarray(0, start), random.pick(TOKENS), input.subarray(end)]);
  },
  function insertNoise(input, { random }) {
    const noise = Buffer.from(Array.from({ length: 1 + below(random, MAX_NOISE_BYTES) }, () => below(random, 256)));
    return insert(input, noise, random);
  },
  function breakUtf8(input, { random }) {
    return insert(input, random.pick(BROKEN_UTF8), random);
  },
  function remove(input, { random }) {
    const { start, end } = range(input, random);
    return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
  },
  function cutOff(input, { random }) {
    return input.subarray(0, below(random, input.length + 1));
  },
  function repeat(input, { random }) {
    if (random.chance(HUGE_CHANCE)) return makeHuge(input, random);
    const { start, end } = range(input, random);
    const times = random.chance(0.9) ? 1 : 1 + below(random, 50);
    const part = input.subarray(start, end);
    return Buffer.concat([input.subarray(0, end), ...Array.from({ length: times }, () => part), input.subarray(end)]);
  },
  function moveRange(input, { random }) {
    const { start, end } = range(input, random);
    const rest = Buffer.concat([input.subarray(0, start), input.subarray(end)]);
    return insert(rest, input.subarray(start, end), random);
  },
  function splice(input, { random, others }) {
    if (others.length === 0) return input;
    const other = Buffer.from(random.pick(others));
    if (random.chance(0.5)) {
      const { start, end } = range(other, random);
      return insert(input, other.subarray(start, end), random);
    }
    return Buffer.concat([
      input.subarray(0, below(random, input.length + 1)),
      other.subarray(below(random, other.length + 1)),
    ]);
  },
  function changeNumber(input, { random }) {
    const numbers = [...input.toString("latin1").matchAll(/[0-9]+/g)];
    if (numbers.length === 0) return input;
    const { 0: digits, index } = random.pick(numbers);
    const other = random.pick([...NUMBERS, `${Number(digits) + 1}`, `-${digits}`, `${digits}0`, `0${digits}`]);
    return Buffer.concat([input.subarray(0, index), Buffer.from(other), input.subarray(index + digits.length)]);
  },
];

const NUMBERS = ["0", "-1", "1.5", "1e400", "4294967296", "9007199254740993", "99999999999999999999"];

function makeHuge(input: Buffer, random: SeededRandom): Buffer {
  const filler = random.pick([Buffer.of(random.pick(TELLING_BYTES)), random.pick(TOKENS), Buffer.from("A")]);
  return insert(input, Buffer.alloc(random.pick(HUGE_BYTES), filler), random);
}

function insert(input: Buffer, part: Uint8Array, random: SeededRandom): Buffer {
  const at = below(random, input.length + 1);
  return Buffer.concat([input.subarray(0, at), part, input.subarray(at)]);
}

function range(input: Buffer, random: SeededRandom): { start: number; end: number } {
  const start = below(random, input.length + 1);
  const longest = random.chance(0.9) ? MAX_RANGE_BYTES : input.length;
  return { start, end: Math.min(input.length, start + below(random, Math.max(1, longest + 1))) };
}

/** A whole number from 0 to less than `end`. */
function below(random: SeededRandom, end: number): number {
  return Math.floor(random.next() * end);
}
