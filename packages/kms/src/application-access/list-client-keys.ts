import { defineOperation, optional } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessName } from "./access-name.ts";
import { onAllOf, onNamed } from "./access-right.ts";
import { listClientKeysOf } from "./client-key-repository.ts";
import { clientKeyView, toClientKeyView } from "./client-key-view.ts";
import { loadAccessPoint } from "./load-access-point.ts";

export const listClientKeys = defineOperation({
  ...kms,
  name: "ListClientKeys",
  summary: "Lists the client keys of an access point, or of all of the account, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    AapName: optional({
      schema: accessName,
      description: "The name of the access point. All of the account by default.",
    }),
  },
  result: z.object({ ClientKeys: z.array(clientKeyView) }),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { AapName }) => (AapName === undefined ? undefined : loadAccessPoint(context, AapName)),
  access: (context, target) => [
    target === undefined
      ? onAllOf(context, "kms:ListClientKeys", "applicationaccesspoint")
      : onNamed(context, "kms:ListClientKeys", target),
  ],
  async handle(context, _parameters, target) {
    const place = target?.accessPoint ?? { accountId: context.principal.accountId };
    return { result: { ClientKeys: (await listClientKeysOf(context, place)).map(toClientKeyView) } };
  },
});
