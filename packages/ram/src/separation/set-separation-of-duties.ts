import { ApiError, defineOperation, oneOf, required } from "@cinnabar/kernel";
import { z } from "zod";
import { accountKind, accountTable, SEPARATIONS, toSettingColumns } from "../account.ts";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";

/** SetSeparationOfDuties, which the published API does not have. What is so already stays so, whoever has both rights. */
export const setSeparationOfDuties = defineOperation({
  ...ram,
  name: "SetSeparationOfDuties",
  summary: "Says what comes of a change after which somebody could both use a key and manage it.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    SeparationOfDuties: required({
      schema: oneOf(SEPARATIONS),
      description: "off: nothing; warn: its answer and its event say so; enforce: it is refused.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:SetSeparationOfDuties")],
  async handle(context, { SeparationOfDuties: separationOfDuties }) {
    const { accountId } = context.principal;
    const account = await context.find(accountKind, accountId);
    // Whoever calls is of an account that is there.
    if (account === undefined) throw new ApiError("InternalFailure");
    if (account.settings.separationOfDuties === separationOfDuties) return { result: {} };
    const { guard, db } = context;
    const { stored } = account;
    return {
      result: {},
      changes: [accountTable.update(guard, db, stored, { ...stored.row, ...toSettingColumns({ separationOfDuties }) })],
      touched: [{ kind: accountKind, id: accountId }],
    };
  },
});
