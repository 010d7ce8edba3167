import { defineOperation, required } from "@cinnabar/kernel";
import { kms } from "../api.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";
import { pageParameters, toPage } from "../parameters/page.ts";
import { aliasList, toAliasList } from "./alias-list.ts";
import { listKeyAliases } from "./alias-repository.ts";

/** One more than other lists take (Alibaba Cloud SDK, "ListAliasesByKeyId"). */
const MAX_PAGE_SIZE = 101;

export const listAliasesByKeyId = defineOperation({
  ...kms,
  name: "ListAliasesByKeyId",
  summary: "Lists the aliases of one key, the oldest first.",
  kind: "read",
  readWrite: "Read",
  parameters: {
    KeyId: required({ schema: keyReference, description: "The key's id." }),
    ...pageParameters({ minSize: 0, maxSize: MAX_PAGE_SIZE }),
  },
  result: aliasList,
  recordedResult: ["TotalCount"],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias"],
  target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
  access: (context, target) => [onKey(context, "kms:ListAliasesByKeyId", target)],
  async handle(context, parameters, { key }) {
    const page = toPage(parameters);
    const listed = await listKeyAliases(context, { keyId: key.id, page });
    return { result: toAliasList(listed, { page, region: context.region }) };
  },
});
