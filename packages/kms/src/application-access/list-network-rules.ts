import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { onAllOf } from "./access-right.ts";
import { DEFAULT_PAGE_SIZE } from "./named-parameters.ts";
import { networkRules } from "./network-rule-repository.ts";

export const listNetworkRules = defineOperation({
  ...kms,
  name: "ListNetworkRules",
  summary: "Lists the account's network rules, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: pageParameters({ minSize: 1, defaultSize: DEFAULT_PAGE_SIZE }),
  result: z.object({
    NetworkRules: z.object({ NetworkRule: z.array(z.object({ Name: z.string(), Type: z.string() })) }),
    PageNumber: z.int(),
    PageSize: z.int(),
    TotalCount: z.int(),
  }),
  recordedResult: ["TotalCount"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAllOf(context, "kms:ListNetworkRules", "network")],
  async handle(context, parameters) {
    const page = toPage(parameters, DEFAULT_PAGE_SIZE);
    const { entities, total } = await networkRules.list(context, page);
    return {
      result: {
        NetworkRules: { NetworkRule: entities.map(({ name, type }) => ({ Name: name, Type: type })) },
        PageNumber: page.number,
        PageSize: page.size,
        TotalCount: total,
      },
    };
  },
});
