import {
  booleanText,
  type DeclaredOperation,
  defineOperation,
  missingParameter,
  optional,
  type Plan,
  required,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { assertRotatedEvery } from "../default-key/default-key.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import { changeKeyRotation, keyKind, type StoredKey } from "../key/key-repository.ts";
import { keyReference } from "../key/key-reference.ts";
import type { AccountQuotas } from "../quota/account-quotas.ts";
import { assertRoomForVersionOf } from "../quota/account-room.ts";
import { addVersion } from "../version/add-version.ts";
import { assertRoomForVersion, MAX_VERSIONS } from "../version/version-limits.ts";
import { rotationInterval } from "./rotation-interval.ts";
import { assertRotatable, ROTATION_DAYS, rotationEvery, type RotationPolicy } from "./rotation-policy.ts";

export const updateRotationPolicy = (quotas: AccountQuotas): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "UpdateRotationPolicy",
    summary: "Says whether and how often a key is rotated by itself; at once if that is due already.",
    kind: "control",
    readWrite: "Write",
    parameters: {
      KeyId: required({ schema: keyReference, description: "The key's id." }),
      EnableAutomaticRotation: required({ schema: booleanText, description: "Whether the key is rotated by itself." }),
      RotationInterval: optional({
        schema: rotationInterval({ minDays: ROTATION_DAYS.min, maxDays: ROTATION_DAYS.max }),
        description: `How often the key is rotated, such as 30d, from ${ROTATION_DAYS.min}d to ${ROTATION_DAYS.max}d. Needed with EnableAutomaticRotation, and means nothing without.`,
      }),
    },
    result: z.object({}),
    recordedResult: [],
    errors: [
      "Forbidden.KeyNotFound",
      "Unsupported.Alias",
      "Rejected.Disabled",
      "Rejected.PendingDeletion",
      "Rejected.PendingImport",
      "Rejected.UnsupportedOperation",
      "Rejected.LimitExceeded",
    ],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
    access: (context, target) => [onKey(context, "kms:UpdateRotationPolicy", target)],
    handle(context, { EnableAutomaticRotation: isEnabled, RotationInterval: intervalSeconds }, { key }) {
      if (isEnabled && intervalSeconds === undefined) throw missingParameter("RotationInterval");
      assertUsable(key.status);
      assertRotatable(key);
      if (isEnabled) assertRotatedEvery(key, intervalSeconds);
      const lastAt = key.primaryVersion.createdAt;
      const rotation = isEnabled && intervalSeconds !== undefined ? rotationEvery(intervalSeconds, lastAt) : undefined;
      if (rotation !== undefined && rotation.nextAt <= context.now) return rotate(context, quotas, { key, rotation });
      if (rotation?.intervalSeconds === key.rotation?.intervalSeconds) return { result: {} };
      return {
        result: {},
        changes: [changeKeyRotation(context, key, rotation)],
        touched: [{ kind: keyKind, id: key.id }],
      };
    },
  });

/** A policy whose next rotation is past already rotates the key at once (Alibaba Cloud KMS, "Automatic key rotation"). */
async function rotate(
  context: RequestContext,
  quotas: AccountQuotas,
  { key, rotation: { intervalSeconds } }: { readonly key: StoredKey; readonly rotation: RotationPolicy },
): Promise<Plan<Record<string, never>>> {
  assertRoomForVersion(key.versions.size, MAX_VERSIONS);
  await assertRoomForVersionOf(context, quotas, key);
  const rotation = rotationEvery(intervalSeconds, context.now);
  const { id, changes, touched } = await addVersion(context, key, { rotation });
  context.note({ keyVersionId: id });
  return { result: {}, changes, touched };
}
