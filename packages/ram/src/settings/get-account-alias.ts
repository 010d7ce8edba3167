import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { loadSettings } from "./load-settings.ts";

export const getAccountAlias = defineOperation({
  ...ram,
  name: "GetAccountAlias",
  summary: "Tells the account's alias.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({
    /** Left out if there is none. */
    AccountAlias: z.string().optional(),
  }),
  recordedResult: ["AccountAlias"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:GetAccountAlias")],
  async handle(context) {
    const { alias } = await loadSettings(context);
    return { result: alias === undefined ? {} : { AccountAlias: alias } };
  },
});
