import { INSTANCE_API_VERSION } from "@cinnabar/rpc";

/** The API that every operation of this folder belongs to, to be spread into its declaration. */
export const instanceApi = { product: "Kms", version: INSTANCE_API_VERSION } as const;

/** Most bytes of one field: a body has no more (KMS Instance API, "Encrypt"). */
export const MAX_FIELD_BYTES = 3 * 1024 * 1024;
