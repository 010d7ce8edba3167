import { Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Tally } from "./tally.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A number, or one for each set of labels, asked for at every scrape. */
export interface Declaration {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly values: () => readonly Sample[];
}

export interface TalliedDeclaration {
  readonly name: string;
  readonly help: string;
  readonly tallies: () => readonly { readonly labels: Labels; readonly tally: Tally }[];
}

export type AnyDeclaration =
  | ({ readonly kind: "counter" | "gauge" } & Declaration)
  | ({ readonly kind: "histogram" } & TalliedDeclaration);

/** What was declared, in Prometheus' text format. */
export class Exposition {
  readonly #registry = new Registry();

  constructor(declarations: readonly AnyDeclaration[]) {
    for (const declaration of declarations) this.#registry.registerMetric(metricOf(declaration));
  }

  /** Everything as it is now. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

function metricOf(declaration: AnyDeclaration): Counter | Gauge | Histogram {
  switch (declaration.kind) {
    case "counter":
      return new Counter({
        ...common(declaration),
        collect() {
          this.reset();
          for (const { labels, value } of declaration.values()) this.inc(labels, value);
        },
      });
    case "gauge":
      return new Gauge({
        ...common(declaration),
        collect() {
          const samples = declaration.values();
          this.reset();
          // Reset, a gauge without labels says 0, which is not the same as nothing.
          if (samples.length === 0) this.remove();
          for (const { labels, value } of samples) this.set(labels, value);
        },
      });
    case "histogram":
      return new TalliedHistogram(declaration);
  }
}

function common({ name, help, labels = [] }: Declaration) {
  // None of prom-client's own choice, which would be its global registry.
  return { name, help, labelNames: labels, registers: [] };
}

/** A histogram of prom-client whose numbers come from {@link Tally}s. */
class TalliedHistogram extends Histogram {
  readonly #declaration: TalliedDeclaration;

  constructor(declaration: TalliedDeclaration) {
    super({ name: declaration.name, help: declaration.help, registers: [] });
    this.#declaration = declaration;
  }

  /** What prom-client's registry asks a histogram for. */
  getForPromString() {
    const { name, help, tallies } = this.#declaration;
    const values = tallies().flatMap(({ labels, tally }) => {
      const { bounds, counts } = tally;
      let count = 0;
      const buckets = counts.map((n, i) => {
        count += n;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[i] ?? "+Inf" }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: tally.sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
    return Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values });
  }
}
