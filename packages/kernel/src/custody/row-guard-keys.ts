import type { KeyObject } from "node:crypto";
import { deriveKey } from "@cinnabar/crypto";
import type { RowGuardKeys } from "../store/row-guard.ts";
import type { RootKey, RootKeyUse } from "./root-key.ts";

/** What the keys of the row guard come from. */
type GuardUse = Extract<RootKeyUse, "rowMac" | "setHashElement" | "setHashMask">;

/** The keys with which the store authenticates its rows and sums. */
export function guardKeysOf(keys: Readonly<Record<GuardUse, KeyObject>>): RowGuardKeys {
  return {
    rowMac: keys.rowMac,
    setElement: keys.setHashElement,
    sumMask: deriveKey({ key: keys.setHashMask, label: "mask" }),
    sumMac: deriveKey({ key: keys.setHashMask, label: "mac" }),
  };
}

/** Those of a store that keeps no keys of its own for it, but has them derived from its root key. */
export function rowGuardKeys(rootKey: RootKey): RowGuardKeys {
  return guardKeysOf({
    rowMac: rootKey.derive("rowMac"),
    setHashElement: rootKey.derive("setHashElement"),
    setHashMask: rootKey.derive("setHashMask"),
  });
}
