import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";

import { SecretBytes } from "@cinnabar/crypto";
import { MAX_PROVIDED_BYTES, ProvidedSeal, SealError } from "@cinnabar/kernel";

import { hasCode } from "../data-directory/file-error.ts";

const COMMAND_MILLIS = 30_000;

/** A root key in the file that a variable names: what orchestrators mount. Who may read it is theirs to say. */
export function envSeal(variable: string): ProvidedSeal {
  return new ProvidedSeal({
    kind: "env",
    name: variable,
    async read() {
      const path = process.env[variable];
      if (path === undefined || path === "") return undefined;
      try {
        await using file = await open(path);
        const bytes = Buffer.alloc(MAX_PROVIDED_BYTES);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
        return new SecretBytes(bytes.subarray(0, bytesRead));
      } catch (error) {
        if (hasCode(error, "ENOENT")) return undefined;
        throw unreachable(`The root key file ${path} (${variable}) cannot be read`, error);
      }
    },
  });
}

/** A root key that a program prints. What it says on its standard error is shown; what it prints never is. */
export function commandSeal([program, ...args]: readonly [string, ...string[]]): ProvidedSeal {
  return new ProvidedSeal({
    kind: "command",
    name: program,
    async read() {
      const output = new SecretBytes(Buffer.alloc(MAX_PROVIDED_BYTES));
      try {
        const length = await run({ program, args, output: output.bytes });
        return length === 0 ? undefined : new SecretBytes(output.bytes.subarray(0, length));
      } catch (error) {
        output[Symbol.dispose]();
        throw unreachable(`The command ${program} gave no root key`, error);
      }
    },
  });
}

async function run(options: { program: string; args: readonly string[]; output: Buffer }): Promise<number> {
  const { program, args, output } = options;
  // Not spawn's own timeout, whose timer outlives a program that cannot be started.
  const signal = AbortSignal.timeout(COMMAND_MILLIS);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], signal, killSignal: "SIGKILL" });
  let length = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    length += chunk.copy(output, length);
    chunk.fill(0);
  });
  try {
    await once(child, "close");
  } catch (error) {
    throw signal.aborted ? new Error(`it had not ended after ${COMMAND_MILLIS / 1000} s`, { cause: error }) : error;
  }
  if (child.signalCode !== null) throw new Error(`it was ended by ${child.signalCode}`);
  if (child.exitCode !== 0) throw new Error(`it ended with code ${child.exitCode}`);
  return length;
}

function unreachable(what: string, cause: unknown): SealError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SealError("unreachable", `${what}: ${reason}.`, { cause });
}
