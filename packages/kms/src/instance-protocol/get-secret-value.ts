import { ApiError, booleanText, defineOperation, optional, required } from "@cinnabar/kernel";
import { z } from "zod";
import { INSTANCE_CONDITION, NO_INSTANCE } from "../application-access/application-policies.ts";
import { secretArn } from "../resource-name.ts";
import { instanceApi } from "./instance-api.ts";

/** Longest name of a secret, in characters (Alibaba Cloud SDK, "CreateSecret"). */
const MAX_NAME_CHARACTERS = 192;
const text = z.string().max(MAX_NAME_CHARACTERS, `It must have at most ${MAX_NAME_CHARACTERS} characters.`);

export const getSecretValue = defineOperation({
  ...instanceApi,
  name: "GetSecretValue",
  summary: "Gives the value of a secret. There are no secrets yet: it answers UnsupportedOperation to whom it may.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    SecretName: required({ schema: text, description: "The secret's name." }),
    VersionStage: optional({ schema: text, description: "The stage of the version to give." }),
    VersionId: optional({ schema: text, description: "The id of the version to give." }),
    FetchExtendedConfig: optional({
      schema: booleanText,
      description: "Whether to give the extended configuration too.",
    }),
  },
  result: z.object({}),
  recordedResult: [],
  errors: ["UnsupportedOperation"],
  target: (_context, { SecretName }) => SecretName,
  access: ({ region, principal: { accountId } }, name) => [
    {
      action: "kms:GetSecretValue",
      resource: secretArn({ region, accountId }, name),
      accountId,
      hiddenAs: "Forbidden.ResourceNotFound",
      conditions: new Map([[INSTANCE_CONDITION.toLowerCase(), NO_INSTANCE]]),
    },
  ],
  handle() {
    throw new ApiError("UnsupportedOperation");
  },
});
