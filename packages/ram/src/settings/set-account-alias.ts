import { ApiError, defineOperation, type ErrorCode, ERRORS, isId, required } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onAccount } from "../resource-name.ts";
import { accountAliasTable, isAliasTaken, touchedSettings } from "./identity-settings.ts";
import { loadSettings } from "./load-settings.ts";

/** SDK, "SetAccountAlias". */
const CHARACTERS = { min: 3, max: 32 } as const;
const ALIAS = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const FORMAT = "InvalidParameter.AccountAlias.Format";
/** Whoever reads an alias must not take the account for another one. */
const OF_ANOTHER = `${ERRORS[FORMAT].message} "AccountAlias": It must not read as the id of another account.`;

export const setAccountAlias = defineOperation({
  ...ram,
  name: "SetAccountAlias",
  summary: "Gives the account a name, one that no other account has.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    AccountAlias: required({
      schema: z
        .string()
        .min(CHARACTERS.min, `It must have ${CHARACTERS.min} to ${CHARACTERS.max} characters.`)
        .max(CHARACTERS.max, `It must have ${CHARACTERS.min} to ${CHARACTERS.max} characters.`)
        .regex(ALIAS, "It must have lowercase letters and digits, and single hyphens between them."),
      refusedAs: codeOf,
      description: "The alias: 3 to 32 lowercase letters and digits, and single hyphens between them.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [FORMAT, "InvalidParameter.AccountAlias.Length", "EntityAlreadyExists.AccountAlias"],
  target: () => undefined,
  access: (context) => [onAccount(context, "ram:SetAccountAlias")],
  async handle(context, { AccountAlias: alias }) {
    const { guard, db, now, principal } = context;
    const { accountId } = principal;
    const { stored, alias: previous } = await loadSettings(context);
    if (previous === alias) return { result: {} };
    if (isId("Account", alias) && alias !== accountId) throw new ApiError(FORMAT, OF_ANOTHER);
    if (await isAliasTaken(context, alias)) throw new ApiError("EntityAlreadyExists.AccountAlias");
    return {
      result: {},
      changes: [
        ...(stored.alias === undefined ? [] : [accountAliasTable.delete(guard, db, stored.alias)]),
        accountAliasTable.insert(guard, db, { alias, account_id: accountId, created_at: now }),
      ],
      touched: [touchedSettings(accountId)],
    };
  },
});

function codeOf(raw: unknown): ErrorCode {
  const isTooLongOrShort = typeof raw === "string" && (raw.length < CHARACTERS.min || raw.length > CHARACTERS.max);
  return isTooLongOrShort ? "InvalidParameter.AccountAlias.Length" : FORMAT;
}
