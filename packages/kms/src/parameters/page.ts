import { integerText, optional, type ParameterValues } from "@cinnabar/kernel";

/** Largest page of most lists (Alibaba Cloud SDK, "ListKeys" and "ListAliases"). */
const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 10;
/** The API's page numbers are int32. */
const MAX_PAGE_NUMBER = 2 ** 31 - 1;

/** Which part of a list is asked for. */
export interface Page {
  /** Counts from 1. */
  readonly number: number;
  readonly size: number;
}

/** The two parameters of every list that is read in numbered pages. */
export function pageParameters({
  minSize,
  maxSize = MAX_PAGE_SIZE,
  defaultSize = DEFAULT_PAGE_SIZE,
}: {
  readonly minSize: 0 | 1;
  readonly maxSize?: number;
  readonly defaultSize?: number;
}) {
  return {
    PageNumber: optional({
      schema: integerText({ min: 1, max: MAX_PAGE_NUMBER }),
      description: "The page to return, counted from 1. 1 by default.",
    }),
    PageSize: optional({
      schema: integerText({ min: minSize, max: maxSize }),
      description: `The number of entries of a page, from ${minSize} to ${maxSize}. ${defaultSize} by default.`,
    }),
  };
}

/** @param defaultSize - that of the parameters. */
export function toPage(
  values: ParameterValues<ReturnType<typeof pageParameters>>,
  defaultSize: number = DEFAULT_PAGE_SIZE,
): Page {
  return { number: values.PageNumber ?? 1, size: values.PageSize ?? defaultSize };
}
