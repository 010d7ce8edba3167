/** The API that every operation of this package belongs to, to be spread into its declaration. */
export const kms = { product: "Kms", version: "2016-01-20" } as const;

/** An instant as the API writes it. */
export { formatTimestamp as formatInstant } from "@cinnabar/rpc";
