import {
  ApiError,
  defineOperation,
  invalidParameter,
  type KeySpec,
  newKeyId,
  newKeyVersionId,
  optional,
  type ParameterValues,
  parseId,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { flag, oneOf } from "../parameters/one-of.ts";
import { storableText } from "../parameters/storable-text.ts";
import { unsupported } from "../parameters/unsupported.ts";
import { keyPolicy, MAX_POLICY_BYTES } from "../policy/key-policy.ts";
import { assertManageable, lockoutParameters } from "../policy/lockout.ts";
import { onOwn } from "../resource-name.ts";
import { MAX_TAGS, tagsJson } from "../tag/tag.ts";
import { type Key, MAX_DESCRIPTION_CHARACTERS } from "./key.ts";
import { keyMetadata, toKeyMetadata } from "./key-metadata.ts";
import { isMakeable, KEY_SPECS, type KeyUsage, PUBLISHED_KEY_SPECS } from "./key-spec.ts";
import { makeKey } from "./make-key.ts";
import { rotationInterval } from "./rotation-interval.ts";

const MAX_INSTANCE_ID_CHARACTERS = 256;

const parameters = {
  KeySpec: optional({ schema: oneOf(PUBLISHED_KEY_SPECS), description: "The kind of key. Aliyun_AES_256 by default." }),
  KeyUsage: optional({
    schema: oneOf(["ENCRYPT/DECRYPT", "SIGN/VERIFY"]),
    description: "What the key is for. By default what its spec is for.",
  }),
  Origin: optional({
    schema: oneOf(["Aliyun_KMS", "EXTERNAL"]),
    description: "Where the key's material comes from. Aliyun_KMS, which makes it, by default.",
  }),
  ProtectionLevel: optional({
    schema: oneOf(["SOFTWARE", "HSM"]),
    description: "What keeps the key. SOFTWARE by default.",
  }),
  Description: optional({
    schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
    description: `What the key is for, in words: at most ${MAX_DESCRIPTION_CHARACTERS} characters.`,
  }),
  EnableAutomaticRotation: optional({ schema: flag, description: "Whether the key is rotated. Not served yet." }),
  RotationInterval: optional({
    schema: rotationInterval({ minDays: 7, maxDays: 365 }),
    description: "How often the key is rotated, such as 30d. Without EnableAutomaticRotation it means nothing.",
  }),
  Policy: optional({
    schema: keyPolicy,
    description: `Who may use the key, as a policy in JSON of at most ${MAX_POLICY_BYTES} bytes. By default its account.`,
  }),
  Tags: optional({
    schema: tagsJson({ min: 0, max: MAX_TAGS }),
    description: `The key's tags, as a JSON array of at most ${MAX_TAGS} objects {"TagKey","TagValue"}.`,
  }),
  DKMSInstanceId: optional({
    schema: storableText({ maxCharacters: MAX_INSTANCE_ID_CHARACTERS }),
    description: "The instance that the key belongs to. Not served yet.",
  }),
  KeyStorageMechanism: optional({
    schema: oneOf(["HsmInternal", "HsmEncryptedDatabase"]),
    description: "Where an HSM keeps the key. HsmInternal by default, which for a software key means nothing.",
  }),
  ...lockoutParameters,
};

export const createKey = defineOperation({
  ...kms,
  name: "CreateKey",
  summary: "Makes a key.",
  kind: "create",
  throttlingClass: "CreateKey",
  readWrite: "Write",
  parameters,
  result: z.object({ KeyMetadata: keyMetadata }),
  recordedResult: [],
  errors: ["UnsupportedOperation", "Unsupported.ProtectionLevel", "Rejected.PolicyLockout"],
  target: (_context, values) => toKind(values),
  access: (context) => [onOwn("key", "kms:CreateKey", context)],
  async handle(context, values, { spec, usage }) {
    const { Description: description = "", Tags: tags = new Map(), Policy: policy } = values;
    const { now, principal, region } = context;
    const accountId = parseId("Account", principal.accountId);
    const key: Key = {
      id: newKeyId(),
      accountId,
      spec,
      usage,
      origin: "Aliyun_KMS",
      protectionLevel: "SOFTWARE",
      status: { state: "Enabled" },
      description,
      creator: accountId,
      createdAt: now,
      primaryVersionId: newKeyVersionId(),
      deletionProtection: undefined,
    };
    if (policy !== undefined && values.ConfirmLockout !== true) assertManageable(context, policy, key);
    const changes = await makeKey(context, key, { tags, policy });
    context.about("ACS::KMS::Key", key.id);
    context.note({ keyId: key.id, keyRevision: 1 });
    return {
      result: { KeyMetadata: toKeyMetadata(key, { region, lastRotationAt: now }) },
      changes,
    };
  },
});

interface NewKeyKind {
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
}

/**
 * What kind of key is asked for, if it can be made.
 *
 * @throws ApiError `UnsupportedOperation`, `Unsupported.ProtectionLevel`, or `InvalidParameter` for a usage that no key
 * of the spec has.
 */
function toKind(values: ParameterValues<typeof parameters>): NewKeyKind {
  const { KeySpec: spec = "Aliyun_AES_256" } = values;
  if (!isMakeable(spec)) throw unsupported(`KeySpec ${spec}`);
  const [usage] = KEY_SPECS[spec].usages;
  if (values.KeyUsage !== undefined && values.KeyUsage !== usage) {
    throw invalidParameter("KeyUsage", `A key of the spec ${spec} is for ${usage} only.`);
  }
  if (values.Origin === "EXTERNAL") throw unsupported("Origin EXTERNAL");
  if (values.DKMSInstanceId !== undefined) throw unsupported("DKMSInstanceId");
  if (values.ProtectionLevel === "HSM") throw new ApiError("Unsupported.ProtectionLevel");
  if (values.KeyStorageMechanism === "HsmEncryptedDatabase") throw unsupported("KeyStorageMechanism");
  if (values.EnableAutomaticRotation === true) throw unsupported("EnableAutomaticRotation");
  return { spec, usage };
}
