/**
 * The `skip` option for a test that needs a program from outside npm, such as `postgresql` or `strace`.
 *
 * @returns false, so that the test runs and fails if the program is not there, unless `npm test` found it missing and
 *   said so; then the sentence to report.
 */
export function skipWithout(tool: string): string | false {
  // oxlint-disable-next-line no-restricted-properties -- set by scripts/debian-packages.mjs, for tests alone
  const missing = process.env["CINNABAR_TEST_MISSING"]?.split(" ") ?? [];
  return missing.includes(tool) && `${tool} is not installed and npm test may not install it`;
}
