import { type DeclaredOperation, defineOperation, required } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";
import { changeStatus } from "./change-status.ts";
import { findKey, onKey } from "./find-key.ts";
import { disabled } from "./key.ts";
import { keyReference } from "./key-reference.ts";
import type { KeyUsageSource } from "./key-usage.ts";
import { usageImpact } from "./usage-impact.ts";

export const disableKey = (usage: KeyUsageSource): DeclaredOperation =>
  defineOperation({
    ...kms,
    name: "DisableKey",
    summary: "Stops every use of a key, at once and everywhere, until it is enabled again.",
    kind: "control",
    readWrite: "Write",
    parameters: { KeyId: required({ schema: keyReference, description: "The key's id." }) },
    result: z.object({}),
    recordedResult: [],
    errors: ["Forbidden.KeyNotFound", "Unsupported.Alias", "Rejected.StateModifiedFailed"],
    target: (context, { KeyId }) => findKey(context, KeyId, { alias: false, arn: false }),
    access: (context, target) => [onKey(context, "kms:DisableKey", target)],
    handle: (context, _parameters, { key }) => changeStatus(context, key, disabled(key.status)),
    impact: usageImpact(usage),
  });
