import { z } from "zod";
import type { Page } from "../parameters/page.ts";
import { aliasArn } from "../resource-name.ts";
import type { Alias } from "./alias.ts";

/** What the operations that list aliases answer. */
export const aliasList = z.object({
  Aliases: z.object({
    Alias: z.array(z.object({ AliasName: z.string(), AliasArn: z.string(), KeyId: z.string() })),
  }),
  PageNumber: z.int(),
  PageSize: z.int(),
  TotalCount: z.int(),
});

export function toAliasList(
  { aliases, total }: { readonly aliases: readonly Alias[]; readonly total: number },
  { page, region }: { readonly page: Page; readonly region: string },
): z.infer<typeof aliasList> {
  return {
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
  };
}
