import { resolve } from "node:path";
import { firstAccountId } from "@cinnabar/ram";
import type { Configuration } from "../configuration/index.ts";
import { openDatabase } from "../database.ts";
import { openDeployment } from "../open-deployment.ts";
import { printShares } from "../seal/index.ts";
import { NodeDirectory } from "./node-directory.ts";
import { say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const USAGE = `Usage: cinnabar init [SETTINGS]

Makes the store, a root key and an account without serving. Does nothing to a store that is there. With
--seal shamir:3of5 it prints each share, this once.

Example: cinnabar init --data /var/lib/cinnabar --origin kms.example.com/log`;

/** `cinnabar init`. @param argv - what follows the command. @returns the exit code. */
export function init(argv: readonly string[]): Promise<number> {
  return runCommand({ argv, usage: USAGE, run: initialise });
}

async function initialise(configuration: Configuration): Promise<void> {
  await using directory = await NodeDirectory.open(configuration, { handOutShares: printShares });
  await using undo = new AsyncDisposableStack();
  const backend = undo.adopt(await openDatabase(configuration.database), (opened) => opened.close());
  const { isNew, verifierKey, origin } = await openDeployment({
    backend,
    seal: directory.seal,
    create: directory.create,
    waiting: () => void say("Another process is making this deployment: waiting for it."),
  });
  for (const sentence of await directory.settle(backend, verifierKey)) await say(sentence);
  process.stdout.write(
    [
      isNew ? "The store is made." : "The store was there already; nothing was changed.",
      `  Account        ${(await firstAccountId(backend)) ?? "none"}`,
      `  Root AccessKey ${resolve(directory.rootAccessKey.path)}`,
      `  Root key       ${directory.seal.describe()}`,
      `  Audit origin   ${origin}`,
      `  Audit log key  ${verifierKey}`,
      "",
    ].join("\n"),
  );
}
