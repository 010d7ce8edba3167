import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

/**
 * How V8 is to manage the memory of a server. Left to itself it takes a share of the machine's: 100 MB for objects that
 * have just been made, and four times what is alive before it looks for what is not. And it makes objects old from the
 * beginning that come from where some once grew old: here these are calls, of which each keeps many younger things alive
 * until the whole heap is collected. Without that, there is next to nothing for such collections to find.
 *
 * New objects are collected when their room is full, not at 80 % of it. And the whole heap is looked through when 60 % of
 * what it may grow by is used, at once when 85 % is: otherwise V8 keeps as much of that back as new objects have room, which
 * is most of it in a heap that may grow as little as this one, and does so after every 4,000 calls. Twice the room for new
 * objects, in a heap that may grow by half as much, takes 3 % less CPU time and 25 MB more.
 */
const SERVER_FLAGS = [
  "--max-semi-space-size=8",
  "--heap-growing-percent=30",
  "--no-allocation-site-pretenuring",
  "--no-minor-gc-task",
  "--incremental-marking-soft-trigger=60",
  "--incremental-marking-hard-trigger=85",
];
/**
 * Length of the pools that small Buffers are cut from, in bytes; Node's are eight times as long. One Buffer that outlives its
 * call keeps all of its pool, and the sooner does V8 look through the whole heap.
 */
const POOL_BYTES = 8_192;
/**
 * The C library gives each of a process's threads a heap of its own, which keeps what the thread once needed: with a dozen
 * threads a tenth of the server's memory. Two are enough for all; its documentation calls the setting by this name.
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: "2" };
const HEAP_FLAG = /--(?:max-semi-space-size|heap-growing-percent)\b/;
const DESCRIPTOR = /\bfd:[0-9]/;

/**
 * Starts `cinnabar serve` over with those flags, which V8 takes at its start only: the same process, with the same id
 * and environment. Where the system cannot do that, nothing happens.
 */
export function applyServerFlags(): void {
  // oxlint-disable-next-line no-restricted-properties -- passed on as it is
  const { argv, env, execArgv, execPath } = process;
  if (argv[2] !== "serve" || process.execve === undefined || process.platform === "win32") return;
  // An emulator is waited for by a test, and holds little; and the channel to who started it would be closed.
  if (argv.includes("--emulator") || env["NODE_CHANNEL_FD"] !== undefined) return;
  // Whoever gives Node flags of their own for the heap knows better.
  if (HEAP_FLAG.test([...execArgv, env["NODE_OPTIONS"]].join(" "))) return;
  // Node closes the file descriptors that it was given when it starts over.
  const settings = [...argv, env["CINNABAR_UNSEAL_FROM"], readConfiguration(argv, env["CINNABAR_CONFIG"])];
  if (DESCRIPTOR.test(settings.join(" "))) return;
  process.execve(execPath, [execPath, ...SERVER_FLAGS, ...execArgv, ...argv.slice(1)], { ...ALLOCATOR, ...env });
}

/** Sets for this process what is no flag of V8's, and takes back what is for one thread alone. */
export function applyServerSettings(): void {
  Buffer.poolSize = POOL_BYTES;
  // The main thread has its room for new objects by now. In other threads the flag would count for more than their own limits.
  setFlagsFromString("--max-semi-space-size=0");
}

/** The text of the configuration file, empty if there is none: what is wrong with it is said later. */
function readConfiguration(argv: readonly string[], fallback: string | undefined): string {
  const at = argv.findIndex((argument) => argument === "--config" || argument.startsWith("--config="));
  const path = at === -1 ? fallback : (argv[at]?.split("=", 2)[1] ?? argv[at + 1]);
  try {
    return path ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}
