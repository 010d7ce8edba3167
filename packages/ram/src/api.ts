/** The API that every operation of RAM belongs to, to be spread into its declaration. */
export const ram = { product: "Ram", version: "2015-05-01" } as const;

/** An instant as the API writes it: UTC, in whole seconds. */
export function formatInstant(atMillis: number): string {
  return `${new Date(atMillis).toISOString().slice(0, "yyyy-MM-ddTHH:mm:ss".length)}Z`;
}
