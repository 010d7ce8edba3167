import { ApiError, defineOperation, newKeyId, parseId, required } from "@cinnabar/kernel";
import { z } from "zod";
import { findAlias, putAlias, touchedAlias } from "../alias/alias-repository.ts";
import { kms } from "../api.ts";
import type { Key } from "../key/key.ts";
import { makeKey, newIdsOnce } from "../key/make-key.ts";
import { keysArn } from "../resource-name.ts";
import { serviceKeyAlias, serviceKeyCreator } from "./service-key.ts";
import { firstUsePolicy } from "./service-key-policy.ts";

/**
 * Makes the key of a service in an account, with its alias. It is not served: a service's call carries it out when it names
 * that key and there is none yet, so that there is one whichever nodes are asked first.
 */
export const createServiceKey = defineOperation({
  ...kms,
  name: "CreateServiceKey",
  summary: "Makes the key of a service in an account.",
  kind: "control",
  readWrite: "Write",
  parameters: { AccountId: required({ schema: z.string(), description: "The account." }) },
  result: z.object({ KeyId: z.string() }),
  recordedResult: ["KeyId"],
  errors: ["AliasAlreadyExists", "Forbidden.AliasNotFound"],
  async target(context, { AccountId }) {
    const { principal } = context;
    if (principal.type !== "service") throw new ApiError("Forbidden.NoPermission");
    const accountId = parseId("Account", AccountId);
    const { serviceName: service } = principal;
    const name = serviceKeyAlias(service);
    if ((await findAlias(context, { accountId, name })) !== undefined) throw new ApiError("AliasAlreadyExists");
    return { accountId, service, name };
  },
  // A service needs nobody's leave for its own key; that of an account which is disabled it cannot have.
  access: ({ region }, { accountId, service }) => [
    {
      action: "kms:CreateServiceKey",
      resource: keysArn({ region, accountId }),
      accountId,
      hiddenAs: "Forbidden.AliasNotFound",
      resourcePolicy: firstUsePolicy(service),
    },
  ],
  async handle(context, _parameters, { accountId, service, name }) {
    const key: Key = {
      ...newIdsOnce(context, newKeyId),
      accountId,
      instanceId: undefined,
      isDefault: false,
      spec: "Aliyun_AES_256",
      usage: "ENCRYPT/DECRYPT",
      origin: "Aliyun_KMS",
      protectionLevel: "SOFTWARE",
      status: { state: "Enabled" },
      description: `Made by ${service}.aliyuncs.com, which alone uses it.`,
      creator: serviceKeyCreator(service),
      createdAt: context.now,
      deletionProtection: undefined,
      rotation: undefined,
    };
    const alias = { accountId, name, keyId: key.id };
    context.about("ACS::KMS::Key", key.id);
    context.note({ alias: name, keyAccountId: accountId, keyId: key.id, keyRevision: 1 });
    return {
      result: { KeyId: key.id },
      changes: [...(await makeKey(context, key)), putAlias(context, { alias, replaced: undefined })],
      touched: [touchedAlias(alias)],
    };
  },
});
