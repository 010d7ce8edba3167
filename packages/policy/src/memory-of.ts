import type { Statement } from "./policy.ts";

/** Bytes of memory, as measured (`bench -- policy` compares), rounded up; texts come on top. */
const STATEMENT = 1_024;
const ACTION = 256;
/** Each of its five parts may be a pattern. */
const RESOURCE = 640;
const PRINCIPAL = 224;
const CONDITION = 640;
const VALUE = 256;

/** About how many bytes statements take that were made ready to be asked, with what is remembered of them. */
export function memoryOf(statements: readonly Statement[]): number {
  let bytes = 0;
  for (const { actions, resources, principals = [], conditions } of statements) {
    bytes += STATEMENT + textsOf(actions, ACTION) + textsOf(resources, RESOURCE) + principals.length * PRINCIPAL;
    for (const { values } of conditions) bytes += CONDITION + textsOf(values, VALUE);
  }
  return bytes;
}

function textsOf(texts: readonly string[], each: number): number {
  // Parts of a pattern are kept beside it, and a character may take two bytes.
  return texts.reduce((sum, { length }) => sum + each + 8 * length, 0);
}
