import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Target, type TargetDeclaration, Violation } from "../src/engine/target.ts";
import { TemporaryFolder } from "../src/targets/temporary-folder.ts";

// Targets with the faults that a campaign is there to find, each at its own byte.

const SEED = Buffer.from("planted");

function planted(name: string, attempt: Target["attempt"], rest: Partial<Target> = {}): TargetDeclaration {
  return {
    name,
    what: "",
    group: "process",
    weight: 1,
    open: () => Promise.resolve({ seeds: [SEED], attempt, [Symbol.asyncDispose]: () => Promise.resolve(), ...rest }),
  };
}

const planting: readonly TargetDeclaration[] = [
  planted("sound", () => "fine"),
  planted("violated", (input) => {
    if (input.includes(0)) throw new Violation("a zero byte was taken");
    return "fine";
  }),
  planted("careless", (input) => {
    if (input.length < SEED.length) return input.at(SEED.length)!.toFixed();
    return "fine";
  }),
  planted("hanging", (input) => {
    while (input.length > SEED.length);
    return "fine";
  }),
  planted("crashing", async (input) => {
    if (input.length > SEED.length) {
      // Nobody waits for it.
      void Promise.reject(new TypeError("nobody caught this"));
      await sleep(1_000);
    }
    return "fine";
  }),
  {
    ...planted("littering", () => "fine"),
    async open() {
      const folder = await TemporaryFolder.make();
      await writeFile(folder.file("root.key"), "a root key");
      return findTarget("hanging").open();
    },
  },
  planted("forgetful", () => "fine", { endRound: () => Promise.reject(new Violation("the round left something")) }),
  planted("unfinished", () => "fine", { finish: () => Promise.reject(new Violation("the end left something")) }),
];

export function findTarget(name: string): TargetDeclaration {
  const found = planting.find((target) => target.name === name);
  if (found === undefined) throw new RangeError(`there is no target ${name}`);
  return found;
}

export const closeTargets = (): Promise<void> => Promise.resolve();
