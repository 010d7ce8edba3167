import { join } from "node:path";
import { formatListenAddress, isLoopback, type ListenAddress } from "../listener/index.ts";
import { OperatorError } from "../operator-error.ts";
import type { SealSource } from "../seal/seal-source.ts";

/** The settings that an emulator is particular about. */
export interface EmulatorSettings {
  readonly data: string;
  readonly listen: ListenAddress;
  readonly adminListen: ListenAddress;
  readonly database: string;
  readonly seal: SealSource;
  readonly origin: string | undefined;
  readonly checkpointTo: object | undefined;
}

/**
 * Refuses what an emulator must not be: within reach of other machines, on a database or under a root key that others
 * rely on, or followed by somebody who believes its log.
 *
 * @throws OperatorError with a sentence for the first thing that is wrong.
 */
export function assertEmulatorSettings(settings: EmulatorSettings): void {
  const { data, seal } = settings;
  for (const [flag, address] of [
    ["--listen", settings.listen],
    ["--admin-listen", settings.adminListen],
  ] as const) {
    if (isLoopback(address.host)) continue;
    throw new OperatorError(
      `The emulator listens on this machine's own addresses alone, such as 127.0.0.1: other machines can reach ${flag} ${formatListenAddress(address)}.`,
    );
  }
  if (!settings.database.startsWith("sqlite:")) {
    throw new OperatorError("The emulator never works on PostgreSQL: leave --database out.");
  }
  if (settings.database !== `sqlite:${join(data, "cinnabar.db")}`) {
    throw new OperatorError("The emulator keeps its database in its data directory: leave --database out.");
  }
  if (seal.kind !== "file" || seal.path !== join(data, "root.key")) {
    throw new OperatorError("The emulator makes a root key of its own in its data directory: leave --seal out.");
  }
  if (settings.origin !== undefined) {
    throw new OperatorError(
      "The emulator names its audit log itself, so that nobody takes it for another: leave --origin out.",
    );
  }
  if (settings.checkpointTo !== undefined) {
    throw new OperatorError(
      "The emulator's store is put back by its resets, which saved checkpoints are there to find: leave --checkpoint-to out.",
    );
  }
}
