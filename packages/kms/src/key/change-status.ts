import type { Plan, RequestContext } from "@cinnabar/kernel";
import type { KeyStatus } from "./key.ts";
import { changeKeyStatus, keyKind, type StoredKey } from "./key-repository.ts";

/** Gives the key another status; nothing is written if it has it already. */
export function changeStatus(context: RequestContext, key: StoredKey, status: KeyStatus): Plan<Record<string, never>> {
  if (status.state === key.status.state) return { result: {} };
  return {
    result: {},
    changes: [changeKeyStatus(context, key, status)],
    touched: [{ kind: keyKind, id: key.id }],
  };
}
