import { type ErrorCode, integerText, optional, type ParameterValues } from "@cinnabar/kernel";
import { z } from "zod";

const MAX_RESULTS = 100;
const DEFAULT_RESULTS = 20;
const MAX_TOKEN_CHARACTERS = 256;

/** A token holds the name of its page's last entry: what is made or deleted meanwhile moves nothing. */
const nextToken: z.ZodType<string> = z
  .string()
  .max(MAX_TOKEN_CHARACTERS)
  .transform((text, { issues }) => {
    const name = Buffer.from(text, "base64url").toString();
    if (name !== "" && encodeToken(name) === text) return name;
    issues.push({ code: "custom", input: text, message: "It must be the NextToken of an answer." });
    return z.NEVER;
  });

function encodeToken(name: string): string {
  return Buffer.from(name).toString("base64url");
}

/** The parameters of every list. */
export const pagingParameters = {
  MaxResults: optional({
    schema: integerText({ min: 1, max: MAX_RESULTS }),
    refusedAs: "InvalidParameter.MaxResults",
    description: `The number of entries of a page, from 1 to ${MAX_RESULTS}. ${DEFAULT_RESULTS} by default.`,
  }),
  NextToken: optional({
    schema: nextToken,
    refusedAs: (raw): ErrorCode =>
      typeof raw === "string" && raw.length > MAX_TOKEN_CHARACTERS
        ? "InvalidParameter.NextToken.Length"
        : "InvalidParameter.NextToken",
    description: "The NextToken of the page before. Left out, the list begins.",
  }),
};

/** The answer's field that is there if there is more. */
export const pagingResult = { NextToken: z.string().optional() };

/**
 * A page of a list.
 *
 * @param nameOf - by which the list is ordered: every entry's is another one.
 */
export function toPage<Item>(
  items: readonly Item[],
  { MaxResults: size = DEFAULT_RESULTS, NextToken: after = "" }: ParameterValues<typeof pagingParameters>,
  nameOf: (item: Item) => string,
): { readonly items: readonly Item[]; readonly token: { readonly NextToken?: string } } {
  const rest = items
    .map((item) => ({ item, name: nameOf(item) }))
    .filter(({ name }) => name > after)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const page = rest.slice(0, size);
  const last = page.at(-1);
  const token = rest.length > size && last !== undefined ? { NextToken: encodeToken(last.name) } : {};
  return { items: page.map(({ item }) => item), token };
}
