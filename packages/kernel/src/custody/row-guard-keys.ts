import { deriveKey } from "@cinnabar/crypto";
import type { RowGuardKeys } from "../store/row-guard.ts";
import type { RootKey } from "./root-key.ts";

/** The keys with which the store authenticates its rows and sums. */
export function rowGuardKeys(rootKey: RootKey): RowGuardKeys {
  const sums = rootKey.derive("setHashMask");
  return {
    rowMac: rootKey.derive("rowMac"),
    setElement: rootKey.derive("setHashElement"),
    sumMask: deriveKey({ key: sums, label: "mask" }),
    sumMac: deriveKey({ key: sums, label: "mac" }),
  };
}
