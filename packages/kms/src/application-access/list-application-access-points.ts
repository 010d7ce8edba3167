import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { accessPoints } from "./access-point-repository.ts";
import { onAllOf } from "./access-right.ts";
import { DEFAULT_PAGE_SIZE } from "./named-parameters.ts";

export const listApplicationAccessPoints = defineOperation({
  ...kms,
  name: "ListApplicationAccessPoints",
  summary: "Lists the account's access points, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: pageParameters({ minSize: 1, defaultSize: DEFAULT_PAGE_SIZE }),
  result: z.object({
    ApplicationAccessPoints: z.object({
      ApplicationAccessPoint: z.array(z.object({ Name: z.string(), AuthenticationMethod: z.string() })),
    }),
    PageNumber: z.int(),
    PageSize: z.int(),
    TotalCount: z.int(),
  }),
  recordedResult: ["TotalCount"],
  errors: [],
  target: () => undefined,
  access: (context) => [onAllOf(context, "kms:ListApplicationAccessPoints", "applicationaccesspoint")],
  async handle(context, parameters) {
    const page = toPage(parameters, DEFAULT_PAGE_SIZE);
    const { entities, total } = await accessPoints.list(context, page);
    return {
      result: {
        ApplicationAccessPoints: {
          ApplicationAccessPoint: entities.map(({ name, authenticationMethod }) => ({
            Name: name,
            AuthenticationMethod: authenticationMethod,
          })),
        },
        PageNumber: page.number,
        PageSize: page.size,
        TotalCount: total,
      },
    };
  },
});
