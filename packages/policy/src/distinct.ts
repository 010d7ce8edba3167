/** Each text once, in the order in which they came first: what is said twice must not be asked twice. */
export function distinct(texts: readonly string[]): readonly string[] {
  return texts.length < 2 ? texts : [...new Set(texts)];
}
