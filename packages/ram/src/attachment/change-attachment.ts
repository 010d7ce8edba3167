import {
  type AccessRequest,
  ApiError,
  type ErrorCode,
  optional,
  type ParameterValues,
  type Plan,
  type RequestContext,
  storableText,
  unsupportedParameter,
  type Warned,
} from "@cinnabar/kernel";
import { loadPolicy } from "../policy/load-policy.ts";
import { POLICY_NAME_ERRORS, policyName, policyType } from "../policy/policy-parameters.ts";
import { onPolicy } from "../policy/policy-view.ts";
import { onNamed } from "../resource-name.ts";
import type { Separation } from "../separation/separation.ts";
import { type AttachedKind, MAX_SYSTEM_POLICIES } from "./attached-kind.ts";
import {
  type Attachment,
  attachmentsId,
  attachmentsKind,
  deleteAttachment,
  insertAttachment,
  type PolicyReference,
  touchedAttachments,
} from "./attachment-repository.ts";

/** What names the policy that is attached or detached, whoever has it. */
export const attachedPolicyParameters = {
  PolicyType: policyType,
  PolicyName: policyName,
  ResourceGroupId: optional({
    schema: storableText({ maxCharacters: 256 }),
    description:
      "The resource group that the policy is to be limited to. Not served: it is in force in the whole account.",
  }),
};

/** The user, group or role, and the policy, that a call names. */
export interface NamedAttachment {
  readonly of: { readonly kind: AttachedKind; readonly name: string };
  readonly policy: PolicyReference;
}

/** @throws ApiError `UnsupportedOperation` for a resource group: there are none. */
export function toNamedAttachment(
  of: NamedAttachment["of"],
  { PolicyType: type, PolicyName: name, ResourceGroupId }: ParameterValues<typeof attachedPolicyParameters>,
): NamedAttachment {
  if (ResourceGroupId !== undefined) throw unsupportedParameter("ResourceGroupId");
  return { of, policy: { type, name } };
}

/** Whoever attaches or detaches needs the right to both. */
export function onBoth(context: RequestContext, action: string, { of, policy }: NamedAttachment): AccessRequest[] {
  return [onNamed(context, action, { type: of.kind.type, name: of.name }), onPolicy(context, action, policy)];
}

/** The errors of attaching and detaching alike. */
export function attachmentErrors(kind: AttachedKind): readonly ErrorCode[] {
  return [
    ...POLICY_NAME_ERRORS,
    ...kind.nameErrors,
    "InvalidParameter.PolicyType",
    "EntityNotExist.Policy",
    kind.notFound,
    "UnsupportedOperation",
  ];
}

/** Attaches a policy: from the commit on it is in force, on every node. */
export async function attach(
  context: RequestContext,
  { of, policy }: NamedAttachment,
  separation: Separation,
): Promise<Plan<Warned>> {
  const { type, alreadyAttached, tooMany, maxCustomPolicies } = of.kind;
  const { id, attached } = await loadBoth(context, { of, policy });
  if (attached.some((attachment) => isOf(attachment, policy))) throw new ApiError(alreadyAttached);
  const ofType = attached.filter((attachment) => attachment.policy.type === policy.type);
  if (ofType.length >= (policy.type === "System" ? MAX_SYSTEM_POLICIES : maxCustomPolicies)) {
    throw new ApiError(tooMany);
  }
  const change = { kind: "attachment", to: { type, id }, policy, isAttached: true } as const;
  return separation.settle(context, change, {
    result: {},
    changes: [insertAttachment(context, { to: { type, id }, policy })],
    touched: [touchedAttachments(type, id)],
  });
}

/** Detaches a policy: from the commit on nothing is decided by it, on any node. */
export async function detach(
  context: RequestContext,
  { of, policy }: NamedAttachment,
  separation: Separation,
): Promise<Plan<Warned>> {
  const { type, notAttached } = of.kind;
  const { id, attached } = await loadBoth(context, { of, policy });
  const attachment = attached.find((known) => isOf(known, policy));
  if (attachment === undefined) throw new ApiError(notAttached);
  const change = { kind: "attachment", to: { type, id }, policy, isAttached: false } as const;
  return separation.settle(context, change, {
    result: {},
    changes: [deleteAttachment(context, attachment)],
    touched: [touchedAttachments(type, id)],
  });
}

async function loadBoth(
  context: RequestContext,
  { of, policy }: NamedAttachment,
): Promise<{ readonly id: string; readonly attached: readonly Attachment[] }> {
  await loadPolicy(context, policy);
  // Last, so that the event is about whom the policy is attached to.
  const id = await of.kind.loadId(context, of.name);
  context.note({ policyType: policy.type, policyName: policy.name });
  const attachments = await context.find(attachmentsKind, attachmentsId(of.kind.type, id));
  return { id, attached: attachments?.all ?? [] };
}

function isOf({ policy }: Attachment, { type, name }: PolicyReference): boolean {
  return policy.type === type && policy.name === name;
}
