import { z } from "zod";

/** What a KeyId parameter names. Nothing says yet that it exists, or even could. */
export interface KeyReference {
  readonly names: "key" | "alias";
  /** A key's id, or an alias's name with its prefix `alias/`. */
  readonly name: string;
  /** Where an ARN says that it is; `undefined` if there was no ARN. */
  readonly place: { readonly region: string; readonly accountId: string } | undefined;
}

/** No id is longer, nor is an alias with its prefix much: beyond this it is not one that merely does not exist. */
const MAX_CHARACTERS = { key: 256, alias: "alias/".length + 255 } as const;

const ARN = /^acs:kms:(?<region>[^:]{0,64}):(?<accountId>[^:]{0,64}):(?:key\/(?<keyId>.*)|(?<alias>alias\/.*))$/s;

/** The value of a KeyId parameter, in any of its published forms: an id, `alias/<name>`, or the ARN of either. */
export const keyReference: z.ZodType<KeyReference> = z.string().transform((text, { issues }) => {
  const reference = parseKeyReference(text);
  if (reference.name.length <= MAX_CHARACTERS[reference.names]) return reference;
  issues.push({ code: "custom", input: text, message: "It must be a key's id, alias or ARN." });
  return z.NEVER;
});

export function parseKeyReference(text: string): KeyReference {
  if (text.startsWith("alias/")) return { names: "alias", name: text, place: undefined };
  const arn = text.startsWith("acs:") ? ARN.exec(text)?.groups : undefined;
  if (arn === undefined) return { names: "key", name: text, place: undefined };
  const { region = "", accountId = "", keyId, alias = "" } = arn;
  const place = { region, accountId };
  return keyId === undefined ? { names: "alias", name: alias, place } : { names: "key", name: keyId, place };
}
