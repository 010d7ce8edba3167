import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { onAllOf } from "./access-right.ts";
import { applicationPolicies } from "./application-policy-repository.ts";
import { DEFAULT_PAGE_SIZE } from "./named-parameters.ts";

export const listPolicies = defineOperation({
  ...kms,
  name: "ListPolicies",
  summary: "Lists the account's policies of applications, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: pageParameters({ minSize: 1, defaultSize: DEFAULT_PAGE_SIZE }),
  result: z.object({
    Policies: z.object({ Policy: z.array(z.object({ Name: z.string() })) }),
    PageNumber: z.int(),
    PageSize: z.int(),
    TotalCount: z.int(),
  }),
  recordedResult: ["TotalCount"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAllOf(context, "kms:ListPolicies", "policy")],
  async handle(context, parameters) {
    const page = toPage(parameters, DEFAULT_PAGE_SIZE);
    const { entities, total } = await applicationPolicies.list(context, page);
    return {
      result: {
        Policies: { Policy: entities.map(({ name }) => ({ Name: name })) },
        PageNumber: page.number,
        PageSize: page.size,
        TotalCount: total,
      },
    };
  },
});
