/** The first line of a run in which all passed. */
export const PASSED = "passed";

/**
 * A reporter of `node --test` whose report is written when the run has ended, and not before: a line that says
 * whether all passed, and then one for each file that had tests. A process that ends early leaves none.
 *
 * @param {AsyncIterable<{ type: string, data: { file?: string, success?: boolean } }>} events
 */
// Node takes a reporter's default export only.
// oxlint-disable-next-line import/no-default-export
export default async function* summarize(events) {
  /** @type {Set<string>} */
  const files = new Set();
  let success = false;
  for await (const { type, data } of events) {
    if ((type === "test:pass" || type === "test:fail") && data.file !== undefined) files.add(data.file);
    if (type === "test:summary") success = data.success === true;
  }
  yield [success ? PASSED : "failed", ...files].join("\n");
}
