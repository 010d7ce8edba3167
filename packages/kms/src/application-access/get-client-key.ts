import { defineOperation } from "@cinnabar/kernel";
import { kms } from "../api.ts";
import { onNamed } from "./access-right.ts";
import { clientKeyView, toClientKeyView } from "./client-key-view.ts";
import { clientKeyId, loadClientKey } from "./load-client-key.ts";

export const getClientKey = defineOperation({
  ...kms,
  name: "GetClientKey",
  summary: "Tells about a client key, with the certificate of its public key.",
  kind: "read",
  readWrite: "Read",
  parameters: { ClientKeyId: clientKeyId },
  result: clientKeyView,
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { ClientKeyId }) => loadClientKey(context, ClientKeyId),
  access: (context, target) => [onNamed(context, "kms:GetClientKey", target)],
  handle: (_context, _parameters, { clientKey }) => ({ result: toClientKeyView(clientKey) }),
});
