import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { pagingParameters, pagingResult, toPage, toPaged, toPagingResult } from "../paging.ts";
import { onAll } from "../resource-name.ts";
import { listTagged, tagsByName } from "../tag/tag-repository.ts";
import { tagList, toTagList, wantedTags } from "../tag/tag-parameters.ts";
import { listRoles as readRoles } from "./role-repository.ts";
import { roleSummary, toRoleSummary } from "./role-view.ts";

/** Largest page (Alibaba Cloud SDK, "ListRoles"). */
const MAX_ITEMS = 1000;

export const listRoles = defineOperation({
  ...ram,
  name: "ListRoles",
  summary: "Lists the account's roles, or those that have some tags, by name.",
  kind: "read",
  readWrite: "Read",
  parameters: { ...pagingParameters({ maxItems: MAX_ITEMS }), Tag: wantedTags },
  result: z.object({ Roles: z.object({ Role: z.array(roleSummary.extend({ Tags: tagList })) }), ...pagingResult }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAll(context, "ram:ListRoles", "role")],
  async handle(context, parameters) {
    const { accountId } = context.principal;
    const page = toPage(parameters);
    const owners = { accountId, type: "role" } as const;
    const names = parameters.Tag && (await listTagged(context, owners, parameters.Tag));
    const roles = await readRoles(context, { accountId, after: page.after ?? "", limit: page.size + 1, names });
    const paged = toPaged(page, roles, ({ roleName }) => roleName);
    const tags = await tagsByName(
      context,
      owners,
      paged.items.map(({ roleName }) => roleName),
    );
    return {
      result: {
        Roles: {
          Role: paged.items.map((role) => ({ ...toRoleSummary(role), Tags: toTagList(tags.get(role.roleName)) })),
        },
        ...toPagingResult(paged),
      },
    };
  },
});
