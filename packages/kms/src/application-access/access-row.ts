import { randomUUID } from "node:crypto";
import { TamperedRowError } from "@cinnabar/kernel";
import { z } from "zod";

/** Where something with a name is. */
export interface AccessPlace {
  readonly accountId: string;
  readonly name: string;
}

/** What an entity with a name is found by. No account's id has a slash in it. */
export function accessEntityId({ accountId, name }: AccessPlace): string {
  return `${accountId}/${name}`;
}

/** The inverse of {@link accessEntityId}. */
export function placeOf(id: string): AccessPlace {
  const slash = id.indexOf("/");
  return { accountId: id.slice(0, slash), name: id.slice(slash + 1) };
}

/**
 * What is named, and which of that name, by what is random in its row. What is deleted and made again under its name is
 * another one: whoever can write to the database may hide from a deletion who still names the first, and gains nothing.
 */
export interface AccessReference {
  readonly name: string;
  readonly incarnation: string;
}

/** For the row of what is made. */
export function newIncarnation(): string {
  return randomUUID();
}

const strings = z.array(z.string());
const references = z.array(z.strictObject({ name: z.string(), incarnation: z.string() }));

/** A column that holds texts in JSON. @throws {@link TamperedRowError} if it holds anything else. */
export function storedStrings(table: string, json: string): readonly string[] {
  const parsed = strings.safeParse(JSON.parse(json));
  if (!parsed.success) throw unknownContent(table);
  return parsed.data;
}

/** A column that holds references in JSON. @throws {@link TamperedRowError} if it holds anything else. */
export function storedReferences(table: string, json: string): readonly AccessReference[] {
  const parsed = references.safeParse(JSON.parse(json));
  if (!parsed.success) throw unknownContent(table);
  return parsed.data;
}

/** References as a column holds them, and nothing else of what is referred to. */
export function encodeReferences(all: readonly AccessReference[]): string {
  return JSON.stringify(all.map(({ name, incarnation }) => ({ name, incarnation })));
}

/** The names alone, as the API tells them. */
export function namesOf(all: readonly AccessReference[]): readonly string[] {
  return all.map(({ name }) => name);
}

export function unknownContent(table: string): TamperedRowError {
  return new TamperedRowError(table, "a row holds what this version does not know");
}
