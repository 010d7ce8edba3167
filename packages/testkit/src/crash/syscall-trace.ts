import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";

const FILE_CALLS = [
  "openat",
  "open",
  "creat",
  "rename",
  "renameat",
  "renameat2",
  "link",
  "linkat",
  "unlink",
  "unlinkat",
];
const WRITE_CALLS = ["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg"];
const CHANGE_CALLS = ["ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile"];
const SYNC_CALLS = ["fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs"];
const LONGEST_DATA_BYTES = 16 * 1024 * 1024;
/** The last lines of a trace are short. */
const END_BYTES = 1024;

/**
 * The program that runs another one and writes down what all its threads ask of the kernel, in the order in which they
 * ask and are answered: `strace` sees both, and a thread goes on only after each was written down. So if a call's end
 * stands before another call's beginning, it did end before.
 */
export function recorder(traceFile: string): readonly string[] {
  const calls = [...FILE_CALLS, ...WRITE_CALLS, ...CHANGE_CALLS, ...SYNC_CALLS].join(",");
  const data = ["-yy", "-xx", "-s", String(LONGEST_DATA_BYTES)];
  return ["strace", "-D", "-f", "--seccomp-bpf", ...data, "-e", `trace=${calls}`, "-e", "signal=none", "-o", traceFile];
}

/** A system call. Strings and paths in its arguments are in hexadecimal: `\x2f\x74`. */
export interface Syscall {
  readonly name: string;
  readonly args: string;
  /** `undefined` until it ended. Negative if it failed. */
  result: number | undefined;
}

export interface TraceStep {
  readonly at: "begin" | "end";
  readonly call: Syscall;
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/;
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/;
const ENDED = /^(\d+) +<\.\.\. \w+ resumed>(.*)\) += (-?\d+)/;

/** The steps of a trace in their order. A call that never ended has no end. */
export async function* readTrace(traceFile: string): AsyncGenerator<TraceStep> {
  const underWay = new Map<string, Syscall>();
  for await (const line of createInterface({ input: createReadStream(traceFile, "latin1") })) {
    const [, wholeThread, name, args, result] = WHOLE.exec(line) ?? [];
    if (wholeThread !== undefined && name !== undefined && args !== undefined) {
      const call: Syscall = { name, args, result: undefined };
      yield { at: "begin", call };
      call.result = Number(result);
      yield { at: "end", call };
      continue;
    }
    const [, begunThread, begunName, begunArgs] = BEGUN.exec(line) ?? [];
    if (begunThread !== undefined && begunName !== undefined && begunArgs !== undefined) {
      const call: Syscall = { name: begunName, args: begunArgs, result: undefined };
      underWay.set(begunThread, call);
      yield { at: "begin", call };
      continue;
    }
    const [, endedThread = "", , endedResult] = ENDED.exec(line) ?? [];
    const call = underWay.get(endedThread);
    if (call === undefined || endedResult === undefined) continue;
    underWay.delete(endedThread);
    call.result = Number(endedResult);
    yield { at: "end", call };
  }
}

/** Whether the trace is complete: its last line says that the process of this id has ended. */
export async function traceHasEnded(traceFile: string, pid: number): Promise<boolean> {
  await using file = await open(traceFile);
  const { size } = await file.stat();
  const { buffer } = await file.read({ position: Math.max(0, size - END_BYTES), buffer: Buffer.alloc(END_BYTES) });
  return new RegExp(`^${pid} +\\+\\+\\+ `, "m").test(buffer.toString("latin1"));
}

/** What a file descriptor at the head of the arguments stands for: a path, or a description such as `TCP:[…]`. */
export function descriptorOf({ args }: Syscall): { fd: number; target: string } | undefined {
  const [, fd, target] = /^(\d+)<([^>]*)>/.exec(args) ?? [];
  return target === undefined ? undefined : { fd: Number(fd), target: fromHex(target).toString() };
}

/** The quoted strings among the arguments, in order. @throws Error if one was cut short. */
export function stringsOf({ name, args }: Syscall): readonly Buffer[] {
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)].map(([, text = "", cut]) => {
    if (cut !== undefined) throw new Error(`the trace has only the beginning of what ${name} was given`);
    return fromHex(text);
  });
}

/** What is not in hexadecimal stays as it is: descriptions of sockets are in plain text. */
function fromHex(text: string): Buffer {
  return text.startsWith("\\x") ? Buffer.from(text.replaceAll("\\x", ""), "hex") : Buffer.from(text);
}
