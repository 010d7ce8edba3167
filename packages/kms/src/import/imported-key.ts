import { IMPORT_WRAPPINGS, type ImportWrapping } from "@cinnabar/crypto";
import { ApiError, invalidParameter, isId } from "@cinnabar/kernel";
import type { Key } from "../key/key.ts";
import type { StoredKey } from "../key/key-repository.ts";
import { KEY_SPECS } from "../key/key-spec.ts";
import type { KeyVersion } from "../key/key-version.ts";

/** Every published form, by its name. */
export const IMPORT_WRAPPING_NAMES: readonly ImportWrapping[] = Object.keys(IMPORT_WRAPPINGS).filter(isWrapping);

function isWrapping(name: string): name is ImportWrapping {
  return Object.hasOwn(IMPORT_WRAPPINGS, name);
}

/** @throws {@link ApiError} `Unsupported.Origin` if the key's material is made here. */
export function assertExternal({ origin }: Pick<Key, "origin">): void {
  if (origin !== "EXTERNAL") throw new ApiError("Unsupported.Origin");
}

/**
 * The forms in which the key's material may come (Alibaba Cloud KMS, "GetParametersForImport"). Wrapped by SM2, symmetric
 * material is taken for software keys too, and the pairs that Cinnabar has beside the published ones come as those do.
 */
function wrappingsFor({ spec, instanceId }: Pick<Key, "spec" | "instanceId">): readonly ImportWrapping[] {
  const pair = spec === "EC_SM2" ? "scalar" : "pkcs8";
  const carried = KEY_SPECS[spec].family === "asymmetric" ? pair : "raw";
  return IMPORT_WRAPPING_NAMES.filter(
    (name) => IMPORT_WRAPPINGS[name].carries === carried && (name !== "RSAES_OAEP_SHA_1" || instanceId === undefined),
  );
}

/** The version that was made for further material and still waits for it, if there is one. */
export function waitingVersion({ versions, primaryVersion }: StoredKey): KeyVersion | undefined {
  for (const version of versions.values()) if (version.number > primaryVersion.number) return version;
  return undefined;
}

/**
 * The version that an import is about: the one that is named, else the one that waits for its first material, else the primary
 * one.
 *
 * @throws {@link ApiError} `Forbidden.KeyVersionNotFound`.
 */
export function importedVersion(key: StoredKey, versionId: string | undefined): KeyVersion {
  if (versionId === undefined) return waitingVersion(key) ?? key.primaryVersion;
  const version = isId("KeyVersion", versionId) ? key.versions.get(versionId) : undefined;
  if (version === undefined) throw new ApiError("Forbidden.KeyVersionNotFound");
  return version;
}

/**
 * Refuses a form in which the key's material may not come.
 *
 * @throws {@link ApiError} `InvalidParameter`.
 */
export function assertWrapping(
  key: Pick<Key, "spec" | "instanceId">,
  { wrapping, keySpec }: { readonly wrapping: ImportWrapping; readonly keySpec: string },
): void {
  const possible = wrappingsFor(key);
  if (!possible.includes(wrapping)) {
    const where = key.instanceId === undefined ? "" : " in an instance";
    throw invalidParameter("WrappingAlgorithm", `Of a ${key.spec} key${where} it is one of ${possible.join(", ")}.`);
  }
  const { wrappingKeySpec } = IMPORT_WRAPPINGS[wrapping];
  if (wrappingKeySpec !== keySpec) {
    throw invalidParameter("WrappingKeySpec", `With ${wrapping} it must be ${wrappingKeySpec}.`);
  }
}
