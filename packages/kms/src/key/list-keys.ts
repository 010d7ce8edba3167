import { defineOperation, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { keyArn, onAnything, onOwn } from "../resource-name.ts";
import { isAboutTags, keyFilters } from "./key-filters.ts";
import { listKeys as listPage } from "./key-repository.ts";

export const listKeys = defineOperation({
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
    const { keys, total } = await listPage(context, { page, filters });
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
