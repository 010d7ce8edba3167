import { ApiError, defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findLivingKey, onKey, toTarget } from "../key/find-key.ts";
import { onAlias } from "../resource-name.ts";
import { aliasName } from "./alias.ts";
import { deleteAliasRow, findAlias, touchedAlias } from "./alias-repository.ts";

export const deleteAlias = defineOperation({
  ...kms,
  name: "DeleteAlias",
  summary: "Takes an alias from its key, whatever the key's state.",
  kind: "control",
  readWrite: "Write",
  parameters: { AliasName: required({ schema: aliasName, description: "The alias, which begins with alias/." }) },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.AliasNotFound"],
  async target(context, { AliasName: name }) {
    const alias = await findAlias(context, { accountId: context.principal.accountId, name });
    const key = alias && (await findLivingKey(context, alias.keyId));
    if (alias === undefined || key === undefined) throw new ApiError("Forbidden.AliasNotFound");
    return { alias, ofKey: await toTarget(context, key, { hiddenAs: "Forbidden.AliasNotFound" }) };
  },
  // From a key that a guest made in its instance, or that it lost with another's, an account may always take its own alias.
  access: (context, { alias, ofKey }) => [
    onAlias(alias.name, "kms:DeleteAlias", context),
    ...(ofKey.reach === "open" ? [onKey(context, "kms:DeleteAlias", ofKey)] : []),
  ],
  handle: (context, _parameters, { alias }) => ({
    result: {},
    changes: [deleteAliasRow(context, alias)],
    touched: [touchedAlias(alias)],
  }),
});
