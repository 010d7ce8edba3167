import {
  ApiError,
  booleanText,
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  type KeyOrigin,
  type KeySpec,
  missingParameter,
  newInstanceKeyId,
  newKeyId,
  oneOf,
  optional,
  type ParameterValues,
  parseId,
  storableText,
  unsupportedParameter,
  warningsResult,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import {
  assertNoDefaultKey,
  assertRotatedEvery,
  assertTakesPolicy,
  assertTakesTags,
  notSupported,
} from "../default-key/default-key.ts";
import { findInstance, instanceId } from "../instance/find-instance.ts";
import { assertTakesKeys, changePolicyAccess, defaultPolicyIn } from "../instance/instance-key.ts";
import { keyPolicy, MAX_POLICY_BYTES } from "../policy/key-policy.ts";
import { assertManageable, lockoutParameters } from "../policy/lockout.ts";
import { type KeySeparation, SEPARATION_ERRORS } from "../policy/key-separation.ts";
import { type AccountQuotas, limitsKeys } from "../quota/account-quotas.ts";
import { assertRoomForKey } from "../quota/account-room.ts";
import { keyArn, onOwn } from "../resource-name.ts";
import { rotationInterval } from "../rotation/rotation-interval.ts";
import { isRotatable, ROTATION_DAYS, rotationEvery } from "../rotation/rotation-policy.ts";
import { MAX_TAGS, tagsJson } from "../tag/tag.ts";
import { type Key, MAX_DESCRIPTION_CHARACTERS, PENDING_IMPORT } from "./key.ts";
import { keyMetadata, toKeyMetadata } from "./key-metadata.ts";
import { keyKind } from "./key-repository.ts";
import { KEY_SPEC_NAMES, KEY_SPECS, KEY_USAGES, type KeyUsage } from "./key-spec.ts";
import { makeKey, newIdsOnce } from "./make-key.ts";

const parameters = {
  KeySpec: optional({ schema: oneOf(KEY_SPEC_NAMES), description: "The kind of key. Aliyun_AES_256 by default." }),
  KeyUsage: optional({
    schema: oneOf(KEY_USAGES),
    description: "What the key is for. By default what its spec is for.",
  }),
  Origin: optional({
    schema: oneOf(["Aliyun_KMS", "EXTERNAL"]),
    description:
      "Where the key's material comes from. Aliyun_KMS, which makes it, by default; EXTERNAL: it waits for ImportKeyMaterial.",
  }),
  ProtectionLevel: optional({
    schema: oneOf(["SOFTWARE", "HSM"]),
    description: "What keeps the key. SOFTWARE by default.",
  }),
  Description: optional({
    schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
    description: `What the key is for, in words: at most ${MAX_DESCRIPTION_CHARACTERS} characters.`,
  }),
  EnableAutomaticRotation: optional({
    schema: booleanText,
    description: "Whether the key is rotated by itself. It is not by default, and only symmetric keys can be.",
  }),
  RotationInterval: optional({
    schema: rotationInterval({ minDays: ROTATION_DAYS.min, maxDays: ROTATION_DAYS.maxOnCreation }),
    description: `How often the key is rotated, such as 30d, from ${ROTATION_DAYS.min}d to ${ROTATION_DAYS.maxOnCreation}d. Needed with EnableAutomaticRotation, and means nothing without.`,
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
    schema: instanceId,
    description: "The instance that is to hold the key: one of the account's, or one that is shared with it.",
  }),
  KeyStorageMechanism: optional({
    schema: oneOf(["HsmInternal", "HsmEncryptedDatabase"]),
    description: "Where an HSM keeps the key. HsmInternal by default, which for a software key means nothing.",
  }),
  ...lockoutParameters,
};

/** @param options.isStrict - whether a key of no instance is its account's default key, as in the cloud. */
export const createKey = ({
  separation,
  isStrict,
  quotas,
}: {
  readonly separation: KeySeparation;
  readonly isStrict: boolean;
  readonly quotas: AccountQuotas;
}): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "CreateKey",
    summary: "Makes a key.",
    // Under the lock no two calls take the last place of an instance or of an account, or make two default keys.
    kind: isStrict || limitsKeys(quotas) ? "control" : "create",
    controlledWith: "DKMSInstanceId",
    throttlingClass: "CreateKey",
    queue: "rights",
    queuedWith: "Policy",
    readWrite: "Write",
    parameters,
    result: z.object({ KeyMetadata: keyMetadata, ...warningsResult }),
    recordedResult: [],
    errors: [
      "UnsupportedOperation",
      "Unsupported.ProtectionLevel",
      "Forbidden.KeyPolicyUnSupported",
      "Rejected.PolicyLockout",
      ...SEPARATION_ERRORS,
      "Forbidden.DKMSInstanceNotFound",
      "Rejected.Uninitialized",
      "Rejected.LimitExceeded",
      "Rejected.ShareQuotaExceedLimit",
      "Rejected.Throttling",
    ],
    async target(context, values) {
      const { DKMSInstanceId: id } = values;
      return { ...toKind(values), instance: id === undefined ? undefined : await findInstance(context, id) };
    },
    access: (context) => [onOwn("key", "kms:CreateKey", context)],
    async handle(context, values, { spec, usage, origin, rotationSeconds, instance }) {
      if (instance !== undefined) await assertTakesKeys(context, instance);
      const { Description: description = "", Tags: tags = new Map() } = values;
      const { now, principal, region } = context;
      const accountId = parseId("Account", principal.accountId);
      const isDefault = isStrict && instance === undefined;
      if (isDefault) {
        assertDefaultKind({ spec, rotationSeconds }, values);
        await assertNoDefaultKey(context, accountId);
      }
      if (instance === undefined) await assertRoomForKey(context, quotas, accountId);
      const key: Key = {
        ...newIdsOnce(context, instance === undefined ? newKeyId : newInstanceKeyId),
        accountId,
        instanceId: instance?.id,
        isDefault,
        spec,
        usage,
        origin,
        protectionLevel: "SOFTWARE",
        status: origin === "EXTERNAL" ? PENDING_IMPORT : { state: "Enabled" },
        description,
        creator: accountId,
        createdAt: now,
        deletionProtection: undefined,
        rotation: rotationSeconds === undefined ? undefined : rotationEvery(rotationSeconds, now),
      };
      const { Policy: given } = values;
      if (given !== undefined && values.ConfirmLockout !== true) assertManageable(context, given, key);
      const policy = given ?? (instance && defaultPolicyIn(instance, accountId));
      const arn = keyArn({ region, accountId }, key.id);
      const change = given && { keyId: key.id, accountId, arn, policy: given.statements };
      const warned = change && (await separation.check(context, change));
      const changes = [...(await makeKey(context, key, { tags, policy }))];
      if (instance !== undefined) changes.push(...(await changePolicyAccess(context, instance, { key, policy })));
      context.about("ACS::KMS::Key", key.id);
      context.note({ keyId: key.id, keyRevision: 1 });
      return {
        result: { KeyMetadata: toKeyMetadata(key, { region, lastRotationAt: now }), ...warned },
        changes,
        touched: [{ kind: keyKind, id: key.id }],
      };
    },
  });

/**
 * Refuses what a default key cannot be or have.
 *
 * @throws ApiError `UnsupportedOperation`, `Forbidden.KeyPolicyUnSupported`, or `InvalidParameter` for its RotationInterval.
 */
function assertDefaultKind(
  { spec, rotationSeconds }: Pick<NewKeyKind, "spec" | "rotationSeconds">,
  { Policy: policy, Tags: tags }: ParameterValues<typeof parameters>,
): void {
  const key = { isDefault: true };
  if (spec !== "Aliyun_AES_256")
    throw notSupported(`A default key is of Aliyun_AES_256; a key of ${spec} is made in an instance.`);
  if (tags !== undefined && tags.size > 0) assertTakesTags(key);
  if (policy !== undefined) assertTakesPolicy(key);
  assertRotatedEvery(key, rotationSeconds);
}

interface NewKeyKind {
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  readonly origin: KeyOrigin;
  /** How often it is rotated by itself, if it is. */
  readonly rotationSeconds: number | undefined;
}

/**
 * What kind of key is asked for, if it can be made.
 *
 * @throws ApiError `UnsupportedOperation`, `Unsupported.ProtectionLevel`, or `InvalidParameter` for a usage that no key
 * of the spec has.
 */
function toKind(values: ParameterValues<typeof parameters>): NewKeyKind {
  const { KeySpec: spec = "Aliyun_AES_256" } = values;
  const { usages } = KEY_SPECS[spec];
  const { KeyUsage: usage = usages[0] } = values;
  if (!usages.includes(usage)) {
    throw invalidParameter("KeyUsage", `A key of the spec ${spec} is for ${usages.join(" or ")}.`);
  }
  const { Origin: origin = "Aliyun_KMS" } = values;
  // An instance has the level of its own.
  if (values.ProtectionLevel === "HSM" && values.DKMSInstanceId === undefined)
    throw new ApiError("Unsupported.ProtectionLevel");
  if (values.KeyStorageMechanism === "HsmEncryptedDatabase") throw unsupportedParameter("KeyStorageMechanism");
  return { spec, usage, origin, rotationSeconds: toRotationSeconds(spec, values) };
}

/**
 * How often a key of the spec is to be rotated by itself, if it is.
 *
 * @throws ApiError `InvalidParameter` if it cannot be, `MissingParameter` if it is not said how often.
 */
function toRotationSeconds(spec: KeySpec, values: ParameterValues<typeof parameters>): number | undefined {
  const {
    EnableAutomaticRotation: isEnabled,
    RotationInterval: intervalSeconds,
    Origin: origin = "Aliyun_KMS",
  } = values;
  if (isEnabled !== true) return undefined;
  if (!isRotatable({ spec, origin })) {
    throw invalidParameter("EnableAutomaticRotation", "Only symmetric keys whose material is made here are rotated.");
  }
  if (intervalSeconds === undefined) throw missingParameter("RotationInterval");
  return intervalSeconds;
}
