import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { aliasArn, onOwn } from "../resource-name.ts";
import { readAliases } from "./alias-repository.ts";

export const listAliases = defineOperation({
  ...kms,
  name: "ListAliases",
  summary: "Lists the account's aliases, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: pageParameters({ minSize: 0 }),
  result: z.object({
    Aliases: z.object({
      Alias: z.array(z.object({ AliasName: z.string(), AliasArn: z.string(), KeyId: z.string() })),
    }),
    PageNumber: z.int(),
    PageSize: z.int(),
    TotalCount: z.int(),
  }),
  recordedResult: ["TotalCount"],
  errors: [],
  target: () => undefined,
  access: (context) => [onOwn("alias", "kms:ListAliases", context)],
  async handle(context, parameters) {
    const page = toPage(parameters);
    const { aliases, total } = await readAliases(context, page);
    const { region } = context;
    return {
      result: {
        Aliases: {
          Alias: aliases.map(({ name, accountId, keyId }) => ({
            AliasName: name,
            AliasArn: aliasArn({ region, accountId }, name),
            KeyId: keyId,
          })),
        },
        PageNumber: page.number,
        PageSize: page.size,
        TotalCount: total,
      },
    };
  },
});
