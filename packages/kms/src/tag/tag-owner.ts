import {
  ApiError,
  type ErrorCode,
  invalidParameter,
  missingParameter,
  optional,
  type ParameterValues,
  type RequestContext,
} from "@cinnabar/kernel";
import { z } from "zod";
import { findKey, type KeyTarget } from "../key/find-key.ts";
import { keyReference } from "../key/key-reference.ts";

/** The parameters of which exactly one says whose tags are changed. */
export const tagOwnerParameters = {
  KeyId: optional({ schema: keyReference, description: "The key's id." }),
  SecretName: optional({ schema: z.string(), description: "The secret's name. There are no secrets yet." }),
  CertificateId: optional({ schema: z.string(), description: "The certificate's id. There are no certificates." }),
};

export const TAG_OWNER_ERRORS: readonly ErrorCode[] = [
  "Forbidden.KeyNotFound",
  "Unsupported.Alias",
  "Forbidden.ResourceNotFound",
  "Certificate.NotFound",
  "Rejected.PendingDeletion",
];

/**
 * Finds whose tags are to be changed.
 *
 * @throws ApiError `MissingParameter`, `InvalidParameter`, or one of {@link TAG_OWNER_ERRORS}.
 */
export async function findTagOwner(
  context: RequestContext,
  { KeyId, SecretName, CertificateId }: ParameterValues<typeof tagOwnerParameters>,
): Promise<KeyTarget> {
  const given = Object.entries({ KeyId, SecretName, CertificateId }).filter(([, value]) => value !== undefined);
  const [, second] = given;
  if (second !== undefined) {
    throw invalidParameter(second[0], "Exactly one of KeyId, SecretName and CertificateId must be given.");
  }
  if (SecretName !== undefined) throw new ApiError("Forbidden.ResourceNotFound");
  if (CertificateId !== undefined) throw new ApiError("Certificate.NotFound");
  if (KeyId === undefined) throw missingParameter("KeyId");
  return findKey(context, KeyId, { alias: false, arn: false });
}
