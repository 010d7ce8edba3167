import { getPriority, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";

import { type SlowAnswer, toAnswer } from "./slow-answer.ts";
import { doSlowTask, type SlowOutcome, type SlowTask } from "./slow-task.ts";

const LOWEST_PRIORITY = 19;

// On Linux every thread has a priority of its own, and 0 is the thread that asks (setpriority(2), "C library/kernel
// differences"); elsewhere it would be that of the whole process.
if (process.platform === "linux" && typeof workerData === "number") {
  setPriority(0, Math.min(LOWEST_PRIORITY, getPriority(0) + workerData));
}

parentPort?.on("message", (task: SlowTask) => {
  const { answer, buffers } = answerTo(task);
  parentPort?.postMessage(answer, buffers);
});

/** The answer, and the buffers in it that are handed over: bytes that are secret are never copied on the way. */
function answerTo(task: SlowTask): { readonly answer: SlowAnswer; readonly buffers: ArrayBuffer[] } {
  try {
    return toMessage(doSlowTask(task));
  } catch (error) {
    return { answer: toAnswer(error), buffers: [] };
  }
}

function toMessage(outcome: SlowOutcome): { readonly answer: SlowAnswer; readonly buffers: ArrayBuffer[] } {
  if (typeof outcome === "boolean") return { answer: { outcome }, buffers: [] };
  if (outcome instanceof Uint8Array) {
    const bytes = takeOver(outcome);
    return { answer: { outcome: bytes }, buffers: [bytes.buffer] };
  }
  const privateKey = takeOver(outcome.privateKey);
  const publicKey = takeOver(outcome.publicKey);
  return { answer: { outcome: { privateKey, publicKey } }, buffers: [privateKey.buffer, publicKey.buffer] };
}

/** Moves bytes into a buffer that is theirs alone, which a message can take along. */
function takeOver(bytes: Uint8Array): Buffer<ArrayBuffer> {
  const own = Buffer.from(new ArrayBuffer(bytes.length));
  own.set(bytes);
  bytes.fill(0);
  return own;
}
