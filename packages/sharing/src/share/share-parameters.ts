import {
  type ErrorCode,
  isId,
  optional,
  optionalList,
  optionalRecords,
  required,
  storableText,
} from "@cinnabar/kernel";
import { z } from "zod";
import { PERMISSION } from "../permission/permission.ts";

/** Most resources, targets and the like of one call (Alibaba Cloud SDK, "CreateResourceShare"). */
const MAX_ENTITIES = 5;
const MAX_NAME_CHARACTERS = 50;

/** The codes of a list that has an entry twice, or too many. */
export function refusedListAs(
  name: "Resources" | "Targets" | "ResourceShareIds" | "ResourceIds",
): (raw: unknown) => ErrorCode {
  return (raw) => {
    if (!Array.isArray(raw)) return `InvalidParameter.${name}`;
    if (raw.length > MAX_ENTITIES) return `InvalidParameter.${name}.Length`;
    const texts = raw.map((entry: unknown) => JSON.stringify(entry instanceof Map ? [...entry] : entry));
    return new Set(texts).size < texts.length ? `InvalidParameter.${name}.Duplicate` : `InvalidParameter.${name}`;
  };
}

/** At most five texts, each once. */
export const entityList: z.ZodType<readonly string[]> = z
  .array(z.string())
  .max(MAX_ENTITIES, `There must be at most ${MAX_ENTITIES}.`)
  .refine((entries) => new Set(entries).size === entries.length, { error: "There must be none twice." });

export const shareName = required({
  schema: storableText({ maxCharacters: MAX_NAME_CHARACTERS }),
  missingAs: "MissingParameter.ResourceShareName",
  refusedAs: (raw): ErrorCode =>
    typeof raw === "string" && raw.length > MAX_NAME_CHARACTERS
      ? "InvalidParameter.ResourceShareName.Length"
      : "InvalidParameter.ResourceShareName",
  description: `The share's name, of 1 to ${MAX_NAME_CHARACTERS} characters.`,
});

const MAX_ID_CHARACTERS = 64;
const MAX_ARN_CHARACTERS = 256;

export const shareId = required({
  schema: z.string().max(MAX_ID_CHARACTERS, `It must have at most ${MAX_ID_CHARACTERS} characters.`),
  missingAs: "MissingParameter.ResourceShareId",
  refusedAs: "InvalidParameter.ResourceShareId",
  description: "The share's id.",
});

export const allowExternalTargets = optional({
  schema: z.enum(["true", "false"], { error: "It must be true or false." }).transform((text) => text === "true"),
  description:
    "Whether accounts outside the resource directory may be targets. It is kept and told; every account of the deployment is inside.",
});

/** The share's owner, as most lists are asked by. */
export const resourceOwner = required({
  schema: z.enum(["Self", "OtherAccounts"], { error: "It must be Self or OtherAccounts." }),
  missingAs: "MissingParameter.ResourceOwner",
  refusedAs: "InvalidParameter.ResourceOwner",
  description: "Self for what the account shares, OtherAccounts for what is shared with it.",
});

export const targets = optionalList({
  schema: entityList.refine((ids) => ids.every((id) => isId("Account", id)), {
    error: "Each must be an account's id.",
  }),
  refusedAs: refusedListAs("Targets"),
  description: `The ids of at most ${MAX_ENTITIES} accounts of this deployment.`,
});

const refusedResources = refusedListAs("Resources");

const resourceRecord = z.map(z.string(), z.string()).transform((fields, { issues }) => {
  const id = fields.get("ResourceId");
  if (id !== undefined && fields.get("ResourceType") === PERMISSION.resourceType) return id;
  const message = `Each must have a ResourceId, and the ResourceType ${PERMISSION.resourceType}.`;
  issues.push({ code: "custom", input: fields, message });
  return z.NEVER;
});

export const resources = optionalRecords({
  schema: z
    .array(resourceRecord)
    .max(MAX_ENTITIES, `There must be at most ${MAX_ENTITIES}.`)
    .refine((ids) => new Set(ids).size === ids.length, { error: "There must be none twice." }),
  refusedAs: (raw) => (hasOtherType(raw) ? "InvalidParameter.ResourceType" : refusedResources(raw)),
  description: `At most ${MAX_ENTITIES} KMS instances by their ids, each of the ResourceType ${PERMISSION.resourceType}.`,
});

export const resourceArns = optionalList({
  schema: entityList,
  refusedAs: refusedListAs("Resources"),
  description: `The same by their ARNs, acs:kms:<region>:<account>:keystore/<id>, as ListKmsInstances gives them.`,
});

function hasOtherType(raw: unknown): boolean {
  return (
    Array.isArray(raw) &&
    raw.some((fields: unknown) => fields instanceof Map && fields.get("ResourceType") !== PERMISSION.resourceType)
  );
}

export const permissionNames = optionalList({
  schema: entityList,
  refusedAs: (raw): ErrorCode =>
    Array.isArray(raw) && raw.length > MAX_ENTITIES
      ? "InvalidParameter.PermissionNames.Length"
      : "InvalidParameter.PermissionNames.Duplicate",
  description: `The permissions of the targets: ${PERMISSION.name}, which is what they have anyhow.`,
});

/** Parameters that narrow what is shared, or say more of a share, and are refused because nothing here would keep to them. */
export const unservedParameters = {
  ResourceProperties: optionalRecords({
    schema: z.unknown(),
    description: "What is shared of a resource. Not served.",
  }),
  TargetProperties: optionalRecords({ schema: z.unknown(), description: "When a target is let in. Not served." }),
};

export const shareIds = optionalList({
  schema: entityList,
  refusedAs: refusedListAs("ResourceShareIds"),
  description: `Only these shares: at most ${MAX_ENTITIES} ids.`,
});

/** The kind of resource that a list may be narrowed to. */
export const resourceType = optional({
  schema: z.literal(PERMISSION.resourceType, { error: `It must be ${PERMISSION.resourceType}.` }),
  refusedAs: "InvalidParameter.ResourceType",
  description: `The kind of resource: ${PERMISSION.resourceType}, as all are.`,
});

/** A text that something is compared with, and which need not be anything. */
export const comparedText = z
  .string()
  .max(MAX_ARN_CHARACTERS, `It must have at most ${MAX_ARN_CHARACTERS} characters.`);
