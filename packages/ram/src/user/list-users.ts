import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { pagingParameters, pagingResult, toPage, toPagingResult } from "../paging.ts";
import { onAll } from "../resource-name.ts";
import { listUsersOf } from "./user-repository.ts";
import { toUserView, userView } from "./user-view.ts";

export const listUsers = defineOperation({
  ...ram,
  name: "ListUsers",
  summary: "Lists the account's users in the order of their names.",
  kind: "read",
  readWrite: "Read",
  parameters: pagingParameters({ maxItems: 1_000 }),
  result: z.object({ Users: z.object({ User: z.array(userView) }), ...pagingResult }),
  recordedResult: ["IsTruncated"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAll(context, "ram:ListUsers", "user")],
  async handle(context, parameters) {
    const { accountId } = context.principal;
    const users = await listUsersOf(context, { accountId, page: toPage(parameters) });
    return { result: { Users: { User: users.items.map(toUserView) }, ...toPagingResult(users) } };
  },
});
