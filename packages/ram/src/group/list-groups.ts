import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { pagingParameters, pagingResult, toPage, toPagingResult } from "../paging.ts";
import { onAll } from "../resource-name.ts";
import { listGroupsOf } from "./group-repository.ts";
import { groupView, toGroupView } from "./group-view.ts";

export const listGroups = defineOperation({
  ...ram,
  name: "ListGroups",
  summary: "Lists the account's groups in the order of their names.",
  kind: "read",
  readWrite: "Read",
  parameters: pagingParameters({ maxItems: 100 }),
  result: z.object({ Groups: z.object({ Group: z.array(groupView) }), ...pagingResult }),
  recordedResult: ["IsTruncated"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAll(context, "ram:ListGroups", "group")],
  async handle(context, parameters) {
    const { accountId } = context.principal;
    const groups = await listGroupsOf(context, { accountId, page: toPage(parameters) });
    return { result: { Groups: { Group: groups.items.map(toGroupView) }, ...toPagingResult(groups) } };
  },
});
