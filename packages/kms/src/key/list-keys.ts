import {
  type Authorizer,
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  optional,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { type Page, pageParameters, toPage } from "../parameters/page.ts";
import { keyArn, onAnything, onOwn } from "../resource-name.ts";
import { findReadable } from "../tag/readable-tags.ts";
import { areAboutTags, isAboutTags, type KeyFilters, keyFilters } from "./key-filters.ts";
import { listKeyIds, listKeys as listPage } from "./filtered-keys.ts";

/** Most keys that are looked at for one answer, which takes some seconds. */
const MOST_LOOKED_AT = 10_000;

export function listKeys({
  authorizer,
  mostLookedAt = MOST_LOOKED_AT,
}: {
  readonly authorizer: Authorizer;
  readonly mostLookedAt?: number;
}): DeclaredOperation {
  return defineOperation({
    ...kms,
    name: "ListKeys",
    summary: "Lists the account's keys, or those of them that pass some filters, the oldest first.",
    kind: "read",
    queue: "lookup",
    queuedWith: (wire) => areAboutTags(wire.get("Filters")),
    readWrite: "Read",
    parameters: {
      ...pageParameters({ minSize: 1 }),
      Filters: optional({
        schema: keyFilters,
        description:
          'Which keys to list, as a JSON array of objects {"Key","Values"}: those that have one of the values for every Key. All by default.',
      }),
    },
    result: z.object({
      Keys: z.object({ Key: z.array(z.object({ KeyId: z.string(), KeyArn: z.string() })) }),
      PageNumber: z.int(),
      PageSize: z.int(),
      TotalCount: z.int(),
    }),
    recordedResult: ["TotalCount"],
    errors: [],
    target: (_context, { Filters: filters = new Map() }) => filters,
    access: (context, filters) => [
      onOwn("key", "kms:ListKeys", context),
      // Which keys have a tag is what ListTagResources tells.
      ...(isAboutTags(filters) ? [onAnything("kms:ListTagResources", context)] : []),
    ],
    async handle(context, parameters, filters) {
      const { region } = context;
      const page = toPage(parameters);
      const list = { page, filters, authorizer, mostLookedAt };
      const listing = isAboutTags(filters) ? listTagged(context, list) : listPage(context, { page, filters });
      // In a large account it may take longer than a call waits for its record.
      if (isAboutTags(filters)) context.call.waiting?.busyUntil(listing);
      const { keys, total } = await listing;
      return {
        result: {
          Keys: { Key: keys.map(({ id, accountId }) => ({ KeyId: id, KeyArn: keyArn({ region, accountId }, id) })) },
          PageNumber: page.number,
          PageSize: page.size,
          TotalCount: total,
        },
      };
    },
  });
}

/**
 * A page of those of the account's keys that pass filters on tags, and of which the caller may list the tags; and their number.
 *
 * Of each of so many it is looked up whether he may: the number of all is told, so a page takes as much as all of them. For the
 * account's root these are only the keys that it may be denied.
 *
 * @throws ApiError `InvalidParameter` if they are too many.
 */
async function listTagged(
  context: RequestContext,
  {
    page,
    filters,
    authorizer,
    mostLookedAt,
  }: {
    readonly page: Page;
    readonly filters: KeyFilters;
    readonly authorizer: Authorizer;
    readonly mostLookedAt: number;
  },
) {
  const { accountId, type } = context.principal;
  const isRoot = type === "root-account" && !filters.has("DKMSInstanceId");
  const ids = await listKeyIds(context, { filters, areRestricted: isRoot, limit: mostLookedAt + 1 });
  if (ids.length > mostLookedAt) {
    throw invalidParameter(
      "Filters",
      `More than ${mostLookedAt} keys pass them whose tags may be denied to you. Filter by further fields, or call ListTagResources.`,
    );
  }
  const readable = await findReadable(context, ids, authorizer);
  const shown = ids.filter((id) => readable.has(id));
  if (isRoot) return listPage(context, { page, filters, restricted: shown });
  const { number, size } = page;
  const keys = shown.slice((number - 1) * size, number * size).map((id) => ({ id, accountId }));
  return { keys, total: shown.length };
}
