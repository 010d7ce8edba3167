/** The API that every operation of this package belongs to, to be spread into its declaration. */
export const resourceSharing = { product: "ResourceSharing", version: "2020-01-10" } as const;

/** An instant as the API writes it: UTC, in milliseconds. */
export function formatInstant(atMillis: number): string {
  return new Date(atMillis).toISOString();
}
