import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { accessPoints, deleteAccessPointRow } from "./access-point-repository.ts";
import { onNamed } from "./access-right.ts";
import { deleteClientKeyRow, listClientKeysOf, touchedClientKey } from "./client-key-repository.ts";
import { loadAccessPoint } from "./load-access-point.ts";
import { name } from "./named-parameters.ts";

export const deleteApplicationAccessPoint = defineOperation({
  ...kms,
  name: "DeleteApplicationAccessPoint",
  summary: "Deletes an access point with its client keys.",
  kind: "control",
  readWrite: "Write",
  parameters: { Name: name },
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.ResourceNotFound"],
  target: (context, { Name }) => loadAccessPoint(context, Name),
  access: (context, target) => [onNamed(context, "kms:DeleteApplicationAccessPoint", target)],
  async handle(context, _parameters, { accessPoint }) {
    const clientKeys = await listClientKeysOf(context, accessPoint);
    return {
      result: {},
      changes: [
        ...clientKeys.map((clientKey) => deleteClientKeyRow(context, clientKey)),
        deleteAccessPointRow(context, accessPoint),
      ],
      touched: [accessPoints.touched(accessPoint), ...clientKeys.map(({ id }) => touchedClientKey(id))],
    };
  },
});
