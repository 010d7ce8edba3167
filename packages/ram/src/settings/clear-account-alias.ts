import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { accountAliasTable, touchedSettings } from "./identity-settings.ts";
import { loadSettings } from "./load-settings.ts";

export const clearAccountAlias = defineOperation({
  ...ram,
  name: "ClearAccountAlias",
  summary: "Takes the account's alias away, if it has one.",
  kind: "control",
  readWrite: "Write",
  parameters: {},
  result: z.object({}),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:ClearAccountAlias")],
  async handle(context) {
    const { guard, db, principal } = context;
    const { stored } = await loadSettings(context);
    if (stored.alias === undefined) return { result: {} };
    return {
      result: {},
      changes: [accountAliasTable.delete(guard, db, stored.alias)],
      touched: [touchedSettings(principal.accountId)],
    };
  },
});
