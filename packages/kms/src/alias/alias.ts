import { type AccountId, invalidParameter, type KeyId } from "@cinnabar/kernel";
import { z } from "zod";

export interface Alias {
  readonly accountId: AccountId;
  /** With its prefix `alias/`. Unique in its account. */
  readonly name: string;
  /** The key that it stands for. */
  readonly keyId: KeyId;
}

/** Characters of a name after its prefix (Alibaba Cloud KMS, "Limits": 255 "without the prefix"). */
const MAX_NAME_CHARACTERS = 255;
const NAME = new RegExp(`^alias/[A-Za-z0-9_/-]{1,${MAX_NAME_CHARACTERS}}$`);
const RESERVED_PREFIX = "alias/acs";

/** Whether there can be an alias of this name at all. */
export function isAliasName(text: string): boolean {
  return NAME.test(text);
}

export const aliasName: z.ZodType<string> = z.string().regex(NAME, {
  error: `It must be "alias/" and 1 to ${MAX_NAME_CHARACTERS} letters, digits, "_", "/" or "-".`,
});

/** @throws ApiError `InvalidParameter` if the name is kept for the aliases that cloud services make. */
export function assertNotReserved(name: string): void {
  if (name.startsWith(RESERVED_PREFIX)) {
    throw invalidParameter("AliasName", `Names that begin with "${RESERVED_PREFIX}" are reserved.`);
  }
}
