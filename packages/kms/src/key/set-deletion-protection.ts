import {
  booleanText,
  defineOperation,
  invalidParameter,
  missingParameter,
  optional,
  type ParameterValues,
  type Plan,
  type RequestContext,
  required,
  storableText,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { findInstance, instanceId, onOwnInstance } from "../instance/find-instance.ts";
import { changeInstance, type StoredInstance, touchedInstance } from "../instance/instance-repository.ts";
import { type AcceptedForms, findKey, type KeyTarget, onKey } from "./find-key.ts";
import { assertChangeable, MAX_DESCRIPTION_CHARACTERS } from "./key.ts";
import { changeDeletionProtection, keyKind, type StoredKey } from "./key-repository.ts";
import { keyReference, type KeyReference } from "./key-reference.ts";

const ACTION = "kms:SetDeletionProtection";

const parameters = {
  EnableDeletionProtection: required({ schema: booleanText, description: "Whether the key is to be protected." }),
  // Nothing is published about its length: it is bounded as a key's description is.
  DeletionProtectionDescription: optional({
    schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
    description: `Why the key must stay: at most ${MAX_DESCRIPTION_CHARACTERS} characters. Without protection it means nothing.`,
  }),
  KeyId: optional({ schema: keyReference, description: "The key's id. It or ProtectedResourceArn is needed." }),
  ProtectedResourceArn: optional({
    schema: keyReference.refine(({ place }) => place !== undefined, { error: "It must be a key's ARN." }),
    description: "The key's ARN.",
  }),
  KmsInstanceId: optional({ schema: instanceId, description: "An instance's id, to protect that from its release." }),
};

export const setDeletionProtection = defineOperation({
  ...kms,
  name: "SetDeletionProtection",
  summary: "Protects a key from ScheduleKeyDeletion, or an instance from ReleaseKmsInstance, or ends that.",
  kind: "control",
  readWrite: "Write",
  parameters,
  result: z.object({}),
  recordedResult: [],
  errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.PendingDeletion", "Forbidden.DKMSInstanceNotFound"],
  async target(context, values): Promise<ProtectedTarget> {
    const { KmsInstanceId: id } = values;
    if (id !== undefined) {
      assertAlone(values);
      return { instance: await findInstance(context, id) };
    }
    const { reference, accepts } = toReference(values);
    return { key: await findKey(context, reference, accepts) };
  },
  access: (context, target) => [
    target.key === undefined ? onOwnInstance(context, ACTION, target.instance) : onKey(context, ACTION, target.key),
  ],
  handle(context, { EnableDeletionProtection, DeletionProtectionDescription: description = "" }, target) {
    const protection = EnableDeletionProtection ? { description } : undefined;
    return target.key === undefined
      ? protectInstance(context, target.instance, protection)
      : protectKey(context, target.key.key, protection);
  },
});

type Protection = StoredKey["deletionProtection"];

function protectKey(context: RequestContext, key: StoredKey, protection: Protection): Plan<object> {
  assertChangeable(key.status);
  if (protection?.description === key.deletionProtection?.description) return { result: {} };
  return {
    result: {},
    changes: [changeDeletionProtection(context, key, protection)],
    touched: [{ kind: keyKind, id: key.id }],
  };
}

function protectInstance(context: RequestContext, instance: StoredInstance, protection: Protection): Plan<object> {
  if (protection?.description === instance.deletionProtection?.description) return { result: {} };
  return {
    result: {},
    changes: [changeInstance(context, instance, { deletionProtection: protection })],
    touched: [touchedInstance(instance.id)],
  };
}

/** What is to be protected. */
type ProtectedTarget =
  | { readonly key: KeyTarget; readonly instance?: undefined }
  | { readonly key?: undefined; readonly instance: StoredInstance };

/** @throws ApiError `InvalidParameter` if a key is named beside an instance. */
function assertAlone({ KeyId, ProtectedResourceArn }: ParameterValues<typeof parameters>): void {
  if (KeyId === undefined && ProtectedResourceArn === undefined) return;
  throw invalidParameter("KmsInstanceId", "It must stand alone: a key is protected by another call.");
}

/**
 * How the key is named: by its id, by its ARN, or by both alike.
 *
 * @throws ApiError `MissingParameter` or `InvalidParameter`.
 */
function toReference({ KeyId, ProtectedResourceArn: arn }: ParameterValues<typeof parameters>): {
  readonly reference: KeyReference;
  readonly accepts: AcceptedForms;
} {
  if (arn === undefined) {
    if (KeyId === undefined) throw missingParameter("KeyId");
    return { reference: KeyId, accepts: { alias: false, arn: false } };
  }
  if (KeyId !== undefined && (KeyId.place !== undefined || KeyId.name !== arn.name)) {
    throw invalidParameter("ProtectedResourceArn", "It must be of the key that KeyId names.");
  }
  return { reference: arn, accepts: { alias: false, arn: true } };
}
