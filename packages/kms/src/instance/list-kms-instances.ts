import { defineOperation, optional, unsupportedParameter } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { instanceArn } from "../resource-name.ts";
import { onInstances } from "./find-instance.ts";
import { listOpenInstances } from "./instance-repository.ts";

const DEFAULT_PAGE_SIZE = 20;

export const listKmsInstances = defineOperation({
  ...kms,
  name: "ListKmsInstances",
  summary: "Lists the account's KMS instances and those that are shared with it, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    ...pageParameters({ minSize: 1, defaultSize: DEFAULT_PAGE_SIZE }),
    Filters: optional({ schema: z.string(), description: "What to list. Nothing is published about it: not served." }),
  },
  result: z.object({
    KmsInstances: z.object({
      KmsInstance: z.array(z.object({ KmsInstanceId: z.string(), KmsInstanceArn: z.string() })),
    }),
    PageNumber: z.int(),
    PageSize: z.int(),
    TotalCount: z.int(),
  }),
  recordedResult: ["TotalCount"],
  errors: ["UnsupportedOperation"],
  target(_context, { Filters }) {
    if (Filters !== undefined) throw unsupportedParameter("Filters");
  },
  access: (context) => [onInstances(context, "kms:ListKmsInstances")],
  async handle(context, parameters) {
    const page = toPage(parameters, DEFAULT_PAGE_SIZE);
    const instances = await listOpenInstances(context, context.principal.accountId);
    const first = (page.number - 1) * page.size;
    return {
      result: {
        KmsInstances: {
          KmsInstance: instances.slice(first, first + page.size).map(({ id, accountId }) => ({
            KmsInstanceId: id,
            KmsInstanceArn: instanceArn({ region: context.region, accountId }, id),
          })),
        },
        PageNumber: page.number,
        PageSize: page.size,
        TotalCount: instances.length,
      },
    };
  },
});
