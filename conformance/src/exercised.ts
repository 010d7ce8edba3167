import type { ClientName, Outcome } from "./official-client.ts";
import { API_VERSION } from "./official-client.ts";

/** How an operation was called: by its own method and classes of a generated client, or by a call that any operation can be made with. */
export type Way = "typed" | "generic";

/** Of every operation the ways in which it was called and answered, and those in which it was only refused. */
export type ExercisedOperations = Readonly<
  Record<string, { readonly answered: readonly Way[]; readonly refused: readonly Way[] }>
>;

const VERSIONS: Readonly<Partial<Record<ClientName, string>>> = {
  ram20150501: "2015-05-01",
  sts20150401: "2015-04-01",
};

/** What was called through the official clients: the compatibility table tells nothing else. */
export class Exercised {
  readonly #operations = new Map<string, { readonly answered: Set<Way>; readonly refused: Set<Way> }>();

  note({
    client,
    action,
    version = VERSIONS[client] ?? API_VERSION,
    outcome: { isTyped, error },
  }: {
    readonly client: ClientName;
    readonly action: string;
    readonly version?: string | undefined;
    readonly outcome: Outcome;
  }): void {
    const name = `${version} ${action}`;
    const operation = this.#operations.get(name) ?? { answered: new Set<Way>(), refused: new Set<Way>() };
    this.#operations.set(name, operation);
    (error === undefined ? operation.answered : operation.refused).add(isTyped ? "typed" : "generic");
  }

  /** In the order of the versions and names. */
  get operations(): ExercisedOperations {
    const sorted = [...this.#operations].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      sorted.map(([name, { answered, refused }]) => [
        name,
        { answered: [...answered].toSorted(), refused: [...refused].filter((way) => !answered.has(way)).toSorted() },
      ]),
    );
  }
}
