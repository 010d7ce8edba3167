import {
  type Authorizer,
  type DeclaredOperation,
  defineOperation,
  optional,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { type Page, pageParameters, toPage } from "../parameters/page.ts";
import { keyArn, onAnything, onOwn } from "../resource-name.ts";
import { findReadable } from "../tag/readable-tags.ts";
import { isAboutTags, type KeyFilters, keyFilters } from "./key-filters.ts";
import { listKeyIds, listKeys as listPage } from "./key-repository.ts";

export function listKeys({ authorizer }: { readonly authorizer: Authorizer }): DeclaredOperation {
  return defineOperation({
    ...kms,
    name: "ListKeys",
    summary: "Lists the account's keys, or those of them that pass some filters, the oldest first.",
    kind: "read",
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
      const list = { page, filters, authorizer };
      const { keys, total } = await (isAboutTags(filters) ? listTagged(context, list) : listPage(context, list));
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

/** A page of those of the account's keys that pass filters on tags, and of which the caller may list the tags; and their number. */
async function listTagged(
  context: RequestContext,
  list: { readonly page: Page; readonly filters: KeyFilters; readonly authorizer: Authorizer },
) {
  const { number, size } = list.page;
  const ids = await listKeyIds(context, list.filters);
  const readable = await findReadable(context, ids, list.authorizer);
  const shown = ids.filter((id) => readable.has(id));
  const { accountId } = context.principal;
  const keys = shown.slice((number - 1) * size, number * size).map((id) => ({ id, accountId }));
  return { keys, total: shown.length };
}
