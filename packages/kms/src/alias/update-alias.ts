import { ApiError, defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findKey, findLivingKey, onKey, toTarget } from "../key/find-key.ts";
import { assertChangeable } from "../key/key.ts";
import { keyReference } from "../key/key-reference.ts";
import { onAlias } from "../resource-name.ts";
import { aliasName } from "./alias.ts";
import { changeAliasKey, findAlias, touchedAlias } from "./alias-repository.ts";

export const updateAlias = defineOperation({
  ...kms,
  name: "UpdateAlias",
  summary: "Lets an alias stand for another key, whatever the state of the one that it stood for.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    AliasName: required({ schema: aliasName, description: "The alias, which begins with alias/." }),
    KeyId: required({ schema: keyReference, description: "The id of the key that it is to stand for." }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.AliasNotFound", "Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.PendingDeletion"],
  async target(context, { AliasName: name, KeyId }) {
    const next = await findKey(context, KeyId, { alias: false, arn: false });
    const alias = await findAlias(context, { accountId: context.principal.accountId, name });
    const key = alias && (await findLivingKey(context, alias.keyId));
    if (alias === undefined || key === undefined) throw new ApiError("Forbidden.AliasNotFound");
    if (key.id === next.key.id) return { alias, next, previous: undefined };
    const previous = await toTarget(context, key, { hiddenAs: "Forbidden.AliasNotFound", noted: { role: "previous" } });
    return { alias, next, previous };
  },
  // The key that loses the alias counts as much as the one that gets it (Alibaba Cloud KMS, "Use RAM to control access"). A guest's
  // in an instance of the account does not, nor one that the account lost with another's: nobody else keeps it from taking its alias away.
  access: (context, { alias, next, previous }) => [
    onAlias(alias.name, "kms:UpdateAlias", context),
    onKey(context, "kms:UpdateAlias", next),
    ...(previous?.reach === "open" ? [onKey(context, "kms:UpdateAlias", previous)] : []),
  ],
  handle(context, _parameters, { alias, next: { key }, previous }) {
    assertChangeable(key.status);
    if (previous === undefined) return { result: {} };
    return {
      result: {},
      changes: [changeAliasKey(context, alias, key.id)],
      touched: [touchedAlias(alias)],
    };
  },
});
