import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of the repository, with a slash at its end. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const binaries = join(root, "node_modules", ".bin");
const GRACE_MILLIS = 10_000;

/** What ends a program in order. @type {readonly NodeJS.Signals[]} */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"];

let interrupted = false;

/** Whether one of them came while a program ran: then nothing more should be started. */
export const wasInterrupted = () => interrupted;

/**
 * Runs a program in the repository's root, on this terminal, with the repository's own tools first in PATH,
 * and passes SIGINT, SIGTERM and SIGHUP on to it.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ environment?: Record<string, string>, deadlineMillis?: number, output?: number | undefined }} [options] -
 *   after `deadlineMillis` the program gets SIGTERM, and SIGKILL 10 s later; what it prints goes to the open file `output`
 *   instead
 * @returns {Promise<number>} its exit code; 128 + n if signal n ended it, as a shell would say
 */
export function run(program, args, { environment = {}, deadlineMillis, output } = {}) {
  return new Promise((resolve, reject) => {
    const PATH = [binaries, process.env["PATH"] ?? ""].join(delimiter);
    const child = spawn(program, args, {
      cwd: root,
      stdio: output === undefined ? "inherit" : ["ignore", output, output],
      env: { ...process.env, PATH, ...environment },
    });

    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      interrupted = true;
      child.kill(signal);
    };
    for (const signal of ENDING) process.on(signal, forward);

    /** @type {NodeJS.Timeout[]} */
    const timers = [];
    if (deadlineMillis !== undefined) {
      timers.push(setTimeout(() => child.kill("SIGTERM"), deadlineMillis));
      timers.push(setTimeout(() => child.kill("SIGKILL"), deadlineMillis + GRACE_MILLIS));
    }

    const release = () => {
      for (const signal of ENDING) process.off(signal, forward);
      timers.forEach((timer) => clearTimeout(timer));
    };
    child.once("error", (error) => {
      release();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      release();
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/**
 * Runs a program without showing its output.
 *
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<string | undefined>} what it printed; undefined if it is not there or failed
 */
export function ask(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
    child.once("error", () => resolve(undefined));
    child.once("close", (code) => resolve(code === 0 ? output.trim() : undefined));
  });
}
