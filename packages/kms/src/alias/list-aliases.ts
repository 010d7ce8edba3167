import { defineOperation } from "@cinnabar/kernel";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { onOwn } from "../resource-name.ts";
import { aliasList, toAliasList } from "./alias-list.ts";
import { listAccountAliases } from "./alias-repository.ts";

export const listAliases = defineOperation({
  ...kms,
  name: "ListAliases",
  summary: "Lists the account's aliases, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: pageParameters({ minSize: 0 }),
  result: aliasList,
  recordedResult: ["TotalCount"],
  errors: [],
  target: () => undefined,
  access: (context) => [onOwn("alias", "kms:ListAliases", context)],
  async handle(context, parameters) {
    const page = toPage(parameters);
    const listed = await listAccountAliases(context, page);
    return { result: toAliasList(listed, { page, region: context.region }) };
  },
});
