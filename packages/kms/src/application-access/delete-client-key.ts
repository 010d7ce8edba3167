import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { onNamed } from "./access-right.ts";
import { deleteClientKeyRow, touchedClientKey } from "./client-key-repository.ts";
import { clientKeyId, loadClientKey } from "./load-client-key.ts";

export const deleteClientKey = defineOperation({
  ...kms,
  name: "DeleteClientKey",
  summary: "Deletes a client key: nobody can call with it any more.",
  kind: "control",
  readWrite: "Write",
  parameters: { ClientKeyId: clientKeyId },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { ClientKeyId }) => loadClientKey(context, ClientKeyId),
  access: (context, target) => [onNamed(context, "kms:DeleteClientKey", target)],
  handle: (context, _parameters, { clientKey }) => ({
    result: {},
    changes: [deleteClientKeyRow(context, clientKey)],
    touched: [touchedClientKey(clientKey.id)],
  }),
});
