/**
 * How V8 is to manage the memory of a server. Left to itself it takes a share of the machine's: 100 MB for objects that
 * have just been made, and four times what is alive before it looks for what is not.
 */
const SERVER_FLAGS = ["--max-semi-space-size=16", "--heap-growing-percent=15"];

/**
 * Starts `cinnabar serve` over with those flags, which V8 takes at its start only: the same process, with the same id,
 * files and environment. Where the system cannot do that, nothing happens.
 */
export function applyServerFlags(): void {
  // oxlint-disable-next-line no-restricted-properties -- passed on as it is
  const { argv, env, execArgv, execPath } = process;
  if (argv[2] !== "serve" || process.execve === undefined || process.platform === "win32") return;
  // Whoever gives Node flags of their own for the heap knows better.
  if (/--(?:max-semi-space-size|heap-growing-percent)\b/.test([...execArgv, env["NODE_OPTIONS"]].join(" "))) return;
  process.execve(execPath, [execPath, ...SERVER_FLAGS, ...execArgv, ...argv.slice(1)], env);
}
