import type { Job } from "./job.ts";

/** One job of two that must not be done at once, on two nodes either: the second has its turn after each piece of the first. */
export function andThen(first: Pick<Job, "name" | "everyMillis" | "run">, second: Pick<Job, "run">): Job {
  return {
    name: first.name,
    everyMillis: first.everyMillis,
    async run(signal) {
      const isMoreDue = await first.run(signal);
      return (await second.run(signal)) || isMoreDue;
    },
  };
}
