import { ApiError, type DeclaredOperation, defineOperation, ERRORS, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { addWaitingVersion } from "../import/add-waiting-version.ts";
import { assertRoomInInstanceOf } from "../instance/key-quota.ts";
import { findKey, onKey } from "../key/find-key.ts";
import { assertUsable } from "../key/key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { keyReference } from "../key/key-reference.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import type { AccountQuotas } from "../quota/account-quotas.ts";
import { assertRoomForVersionOf } from "../quota/account-room.ts";
import { rotatedAt } from "../rotation/rotation-policy.ts";
import { addVersion } from "./add-version.ts";
import { keyVersionAnswer, toKeyVersionAnswer } from "./key-version-answer.ts";
import { assertRoomForVersion, MAX_REQUESTED_VERSIONS } from "./version-limits.ts";

export const createKeyVersion = (quotas: AccountQuotas): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "CreateKeyVersion",
    summary:
      "Makes a further version of a key; a symmetric key encrypts with it from then on, or once its material is imported.",
    kind: "control",
    readWrite: "Write",
    parameters: { KeyId: required({ schema: keyReference, description: "The key's id, or an alias of it." }) },
    result: z.object({ KeyVersion: keyVersionAnswer }),
    recordedResult: [],
    errors: [
      "Forbidden.KeyNotFound",
      "Forbidden.AliasNotFound",
      "Rejected.Disabled",
      "Rejected.PendingDeletion",
      "Rejected.PendingImport",
      "Rejected.UnsupportedOperation",
      "Rejected.LimitExceeded",
      "Rejected.Throttling",
    ],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: true, arn: false }),
    access: (context, target) => [onKey(context, "kms:CreateKeyVersion", target)],
    async handle(context, _parameters, { key }) {
      assertUsable(key.status);
      assertTakesVersions(key);
      assertRoomForVersion(key.versions.size, MAX_REQUESTED_VERSIONS);
      await assertRoomInInstanceOf(context, key);
      await assertRoomForVersionOf(context, quotas, key);
      const { id, createdAt, changes, touched } =
        key.origin === "EXTERNAL"
          ? await addWaitingVersion(context, key)
          : await addVersion(context, key, { rotation: rotatedAt(key.rotation, context.now) });
      context.note({ keyVersionId: id });
      return { result: { KeyVersion: toKeyVersionAnswer(key.id, { id, createdAt }) }, changes, touched };
    },
  });

/** @throws {@link ApiError} `Rejected.UnsupportedOperation` if a key of the kind has one version for ever. */
function assertTakesVersions({ origin, spec }: Pick<StoredKey, "origin" | "spec">): void {
  const { message } = ERRORS["Rejected.UnsupportedOperation"];
  if (origin !== "Aliyun_KMS" && KEY_SPECS[spec].family === "asymmetric") {
    throw new ApiError("Rejected.UnsupportedOperation", `${message} A pair that is imported has one version.`);
  }
  // What verifies a code names no version.
  if (KEY_SPECS[spec].family === "mac") {
    throw new ApiError("Rejected.UnsupportedOperation", `${message} A key for message authentication has one version.`);
  }
}
