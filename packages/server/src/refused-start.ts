import { type Alarm, alarm, type Logger, SealError } from "@cinnabar/kernel";
import { PutBackError } from "./checkpoints/index.ts";
import { RootKeyError } from "./open-deployment.ts";

/** Raises the alarm that a server cannot raise by running: that it may not start. Other failures are left alone. */
export function raiseRefusedStart(error: unknown, log: Logger): void {
  const name = alarmOf(error);
  if (name !== undefined && error instanceof Error) log.fatal(alarm(name), error.message);
}

function alarmOf(error: unknown): Alarm | undefined {
  if (error instanceof PutBackError) return "put-back";
  if (error instanceof RootKeyError || error instanceof SealError) return "seal-missing";
  return undefined;
}
