/** The API that every operation of RAM belongs to, to be spread into its declaration. */
export const ram = { product: "Ram", version: "2015-05-01" } as const;

/** An instant as the API writes it. */
export { formatTimestamp as formatInstant } from "@cinnabar/rpc";
