import {
  booleanText,
  type DeclaredOperation,
  defineOperation,
  invalidParameter,
  newKeyId,
  oneOf,
  optional,
  parseId,
  storableText,
} from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { type Key, MAX_DESCRIPTION_CHARACTERS, PENDING_IMPORT } from "../key/key.ts";
import { keyMetadata, toKeyMetadata } from "../key/key-metadata.ts";
import { keyKind } from "../key/key-repository.ts";
import { makeKey, newIdsOnce } from "../key/make-key.ts";
import type { AccountQuotas } from "../quota/account-quotas.ts";
import { assertRoomForKey } from "../quota/account-room.ts";
import { onOwn } from "../resource-name.ts";
import { rotationEvery } from "../rotation/rotation-policy.ts";
import { assertNoDefaultKey, DEFAULT_KEY_ROTATION_DAYS, DEFAULT_KEY_ROTATION_SECONDS } from "./default-key.ts";

/** EnableDefaultKey, which the published API does not have: the cloud's console does it, by CreateKey without an instance. */
export const enableDefaultKey = (quotas: AccountQuotas): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "EnableDefaultKey",
    summary: "Makes the account's one default key.",
    // Under the lock no two nodes make one each.
    kind: "control",
    throttlingClass: "CreateKey",
    readWrite: "Write",
    parameters: {
      Origin: optional({
        schema: oneOf(["Aliyun_KMS", "EXTERNAL"]),
        description:
          "Where the key's material comes from. Aliyun_KMS, which makes it, by default; EXTERNAL: it waits for ImportKeyMaterial.",
      }),
      Description: optional({
        schema: storableText({ maxCharacters: MAX_DESCRIPTION_CHARACTERS }),
        description: `What the key is for, in words: at most ${MAX_DESCRIPTION_CHARACTERS} characters.`,
      }),
      EnableAutomaticRotation: optional({
        schema: booleanText,
        description: `Whether the key is rotated by itself, every ${DEFAULT_KEY_ROTATION_DAYS}d. It is not by default.`,
      }),
    },
    result: z.object({ KeyMetadata: keyMetadata }),
    recordedResult: [],
    errors: ["UnsupportedOperation", "Rejected.LimitExceeded"],
    target: () => undefined,
    // It makes a key: whom CreateKey is denied, this gives no way around that.
    access: (context) => [onOwn("key", "kms:CreateKey", context)],
    async handle(context, { Origin: origin = "Aliyun_KMS", Description, EnableAutomaticRotation: isRotated }) {
      const { now, principal, region } = context;
      const accountId = parseId("Account", principal.accountId);
      if (isRotated === true && origin === "EXTERNAL") {
        throw invalidParameter("EnableAutomaticRotation", "Only keys whose material is made here are rotated.");
      }
      await assertNoDefaultKey(context, accountId);
      await assertRoomForKey(context, quotas, accountId);
      const key: Key = {
        ...newIdsOnce(context, newKeyId),
        accountId,
        instanceId: undefined,
        isDefault: true,
        spec: "Aliyun_AES_256",
        usage: "ENCRYPT/DECRYPT",
        origin,
        protectionLevel: "SOFTWARE",
        status: origin === "EXTERNAL" ? PENDING_IMPORT : { state: "Enabled" },
        description: Description ?? "",
        creator: accountId,
        createdAt: now,
        deletionProtection: undefined,
        rotation: isRotated === true ? rotationEvery(DEFAULT_KEY_ROTATION_SECONDS, now) : undefined,
      };
      context.about("ACS::KMS::Key", key.id);
      context.note({ keyId: key.id, keyRevision: 1 });
      return {
        result: { KeyMetadata: toKeyMetadata(key, { region, lastRotationAt: now }) },
        changes: await makeKey(context, key),
        touched: [{ kind: keyKind, id: key.id }],
      };
    },
  });
