import type { KeyObject } from "node:crypto";

import { AuthenticationError, deriveBytes, SecretBytes, unwrapKey, wrapKey } from "@cinnabar/crypto";
import { z } from "zod";

import { RootKey } from "./root-key.ts";
import { SEAL_KINDS, SealError, type SealKind } from "./seal.ts";

const FIRST_LINE = "cinnabar sealed root key v1: ";
const CHECK_VALUE_LABEL = "cinnabar seal v1: check value";
const CHECK_VALUE_BYTES = 16;

/** Longest file that can be a sealed root key: room for 255 shares' check values. */
export const MAX_SEALED_ROOT_KEY_BYTES = 16 * 1024;

/** 16 bytes in base64url. */
export const checkValueSchema = z.string().regex(/^[A-Za-z0-9_-]{22}$/);

/** What a seal needs to get at its wrapping key, and may be known to everybody. */
export type SealParameters = Readonly<Record<string, string | number | readonly string[]>>;

const schema = z.strictObject({
  /** Check value of the root key. */
  rootKey: checkValueSchema,
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
  /** Check value of the wrapping key. */
  wrappingKey: checkValueSchema,
  wrapped: z.base64(),
});

/** A root key wrapped under another key, with all that says how to get at that one. */
export interface SealedRootKey extends z.output<typeof schema> {
  readonly kind: SealKind;
}

/**
 * Tells wrapping keys apart without telling anything about them, so that a wrong passphrase or share is told from a
 * damaged file.
 */
function wrappingKeyCheck(key: KeyObject): string {
  return deriveBytes({ key, label: CHECK_VALUE_LABEL, bytes: CHECK_VALUE_BYTES }).toString("base64url");
}

/** Wraps a root key. Kind, parameters and the root key's check value are authenticated with it. */
export function sealRootKey(options: {
  readonly kind: SealKind;
  readonly rootKey: RootKey;
  readonly wrappingKey: KeyObject;
  readonly parameters: SealParameters;
}): SealedRootKey {
  const { kind, rootKey, wrappingKey, parameters } = options;
  using material = rootKey.exportMaterial();
  const wrapped = wrapKey({
    wrappingKey,
    material: material.bytes,
    identity: identityOf({ kind, rootKey: rootKey.checkValue, parameters }),
  });
  return {
    kind,
    rootKey: rootKey.checkValue,
    parameters: schema.shape.parameters.parse(parameters),
    wrappingKey: wrappingKeyCheck(wrappingKey),
    wrapped: wrapped.toString("base64"),
  };
}

/** Opens what {@link sealRootKey} sealed. @throws SealError `wrongSecret` for another wrapping key, or `damaged`. */
export function unsealRootKey(
  sealed: SealedRootKey,
  options: { readonly wrappingKey: KeyObject; readonly path: string; readonly wrong: string },
): RootKey {
  const { wrappingKey, path, wrong } = options;
  if (wrappingKeyCheck(wrappingKey) !== sealed.wrappingKey) throw new SealError("wrongSecret", wrong);
  try {
    using material = new SecretBytes(
      unwrapKey({ wrappingKey, wrapped: Buffer.from(sealed.wrapped, "base64"), identity: identityOf(sealed) }),
    );
    const rootKey = new RootKey(material.bytes);
    if (rootKey.checkValue === sealed.rootKey) return rootKey;
  } catch (error) {
    if (!(error instanceof AuthenticationError || error instanceof RangeError)) throw error;
  }
  throw damaged(path, "the root key in it was altered");
}

/** As a file: a line that names format and seal, then JSON. */
export function encodeSealedRootKey({ kind, ...fields }: SealedRootKey): Buffer {
  return Buffer.from(`${FIRST_LINE}${kind}\n${JSON.stringify(fields, undefined, 2)}\n`);
}

/**
 * Decodes what {@link encodeSealedRootKey} encoded, sealed by this kind of seal.
 *
 * @param path - for messages.
 * @throws SealError `unknownFormat` or `damaged`.
 */
export function decodeSealedRootKey(file: Uint8Array, expected: { kind: SealKind; path: string }): SealedRootKey {
  const { kind, path } = expected;
  const found = sealKindOf(file);
  if (found !== kind) {
    throw new SealError(
      "unknownFormat",
      found === undefined
        ? `${path} is not a sealed root key that this version of Cinnabar knows: its first line is not "${FIRST_LINE}${kind}".`
        : `${path} holds a root key under a seal of the kind ${found}, not ${kind}: name that one.`,
    );
  }
  if (file.length > MAX_SEALED_ROOT_KEY_BYTES) throw damaged(path, "it is too long");
  const text = Buffer.from(file).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text.slice(text.indexOf("\n") + 1));
  } catch {
    throw damaged(path, "it is not JSON after its first line");
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw damaged(path, "its fields are not those of a sealed root key");
  return { kind, ...parsed.data };
}

/** What the first line of a file says about its seal; `undefined` if it is no sealed root key, or of a later version. */
export function sealKindOf(file: Uint8Array): SealKind | undefined {
  const [line = ""] = Buffer.from(file.subarray(0, 64)).toString("latin1").split("\n", 1);
  return SEAL_KINDS.find((kind) => line === `${FIRST_LINE}${kind}`);
}

/** Not what was sealed. */
export function damaged(path: string, what: string): SealError {
  return new SealError("damaged", `The sealed root key ${path} is damaged: ${what}. Restore it from its backup.`);
}

function identityOf(of: { kind: SealKind; rootKey: string; parameters: SealParameters }): string[] {
  const { kind, rootKey, parameters } = of;
  const parts = Object.keys(parameters)
    .toSorted()
    .flatMap((name) => {
      const value = parameters[name] ?? "";
      const values = typeof value === "object" ? value : [String(value)];
      return [name, String(values.length), ...values];
    });
  return ["sealed root key", kind, rootKey, ...parts];
}
