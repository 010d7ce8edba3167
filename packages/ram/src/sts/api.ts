/** What every operation of STS is declared with. */
export const sts = { product: "Sts", version: "2015-04-01" } as const;
