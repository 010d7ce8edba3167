import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { accountKind } from "../account.ts";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";

/** GetSeparationOfDuties, which the published API does not have. */
export const getSeparationOfDuties = defineOperation({
  ...ram,
  name: "GetSeparationOfDuties",
  summary: "Tells what comes of a change after which somebody could both use a key and manage it.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({ SeparationOfDuties: z.string() }),
  recordedResult: ["SeparationOfDuties"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:GetSeparationOfDuties")],
  async handle(context) {
    const account = await context.find(accountKind, context.principal.accountId);
    return { result: { SeparationOfDuties: account?.settings.separationOfDuties ?? "warn" } };
  },
});
