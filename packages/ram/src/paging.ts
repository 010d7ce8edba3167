import { integerText, isStorable, optional, type ParameterValues } from "@cinnabar/kernel";
import { z } from "zod";

const DEFAULT_ITEMS = 100;
/** Longest name that a list is ordered by, in characters. */
const MAX_NAME_CHARACTERS = 256;

/** Which part of a list that is ordered by names is asked for. */
export interface Page {
  /** Where the page before ended; `undefined` for the first page. */
  readonly after: string | undefined;
  readonly size: number;
}

/** A page of a list, and whether there is more. */
export interface Paged<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins; `undefined` if this is the last one. */
  readonly next: string | undefined;
}

/** The answer's fields that every list in pages has. `Marker` is there if there is more. */
export const pagingResult = { IsTruncated: z.boolean(), Marker: z.string().optional() };

/**
 * The two parameters of lists that are read page by page.
 *
 * @param maxItems - the largest page: 1,000 for users, 100 for groups and the like (SDK, `MaxItems` of each operation).
 */
export function pagingParameters({ maxItems }: { readonly maxItems: number }) {
  return {
    Marker: optional({
      schema: marker,
      description: "The Marker of the page before. Left out, the list begins.",
    }),
    MaxItems: optional({
      schema: integerText({ min: 1, max: maxItems }),
      description: `The number of entries of a page, from 1 to ${maxItems}. ${DEFAULT_ITEMS} by default.`,
    }),
  };
}

export function toPage(values: ParameterValues<ReturnType<typeof pagingParameters>>): Page {
  return { after: values.Marker, size: values.MaxItems ?? DEFAULT_ITEMS };
}

/**
 * Makes a page of what was read after {@link Page.after}: one entry more than the page has says that there is more.
 *
 * @param read - up to `page.size + 1` entries in the order of their names.
 */
export function toPaged<Item>(page: Page, read: readonly Item[], nameOf: (item: Item) => string): Paged<Item> {
  const items = read.slice(0, page.size);
  const last = items.at(-1);
  return { items, next: read.length > page.size && last !== undefined ? nameOf(last) : undefined };
}

/** The answer's paging fields. */
export function toPagingResult({ next }: Pick<Paged<unknown>, "next">): { IsTruncated: boolean; Marker?: string } {
  return next === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: encodeMarker(next) };
}

/** A marker holds the last name of its page: what is made or deleted meanwhile moves nothing. */
function encodeMarker(name: string): string {
  return Buffer.from(name).toString("base64url");
}

const marker: z.ZodType<string> = z.string().transform((text, { issues }) => {
  const name = Buffer.from(text, "base64url").toString();
  const isOurs = name !== "" && name.length <= MAX_NAME_CHARACTERS && isStorable(name) && encodeMarker(name) === text;
  if (isOurs) return name;
  issues.push({ code: "custom", input: text, message: "It must be the Marker of an answer." });
  return z.NEVER;
});
