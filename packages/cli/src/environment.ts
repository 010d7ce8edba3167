/** Whether the user asks for stack traces. */
export function isDebugging(): boolean {
  // oxlint-disable-next-line no-restricted-properties -- needed before, and whatever, the server's configuration says
  return Boolean(process.env["CINNABAR_DEBUG"]);
}
