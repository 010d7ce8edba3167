import { randomUUID } from "node:crypto";

import {
  assertRootKey,
  ControlStore,
  encodeSystemEvent,
  openDeploymentKeys,
  type RootKey,
  RowGuard,
  type Seal,
  UnknownOutcomeError,
} from "@cinnabar/kernel";

import type { Configuration } from "../configuration/index.ts";
import { keptRootKeys } from "../data-directory/index.ts";
import { OperatorError, UsageError } from "../operator-error.ts";
import {
  createSeal,
  directoriesOf,
  findUnnamedRootKeys,
  migrateSeal,
  type OldSeal,
  placeOf,
  printShares,
  removeRootKeys,
  type SealSource,
  type SecretInput,
} from "../seal/index.ts";
import { openExistingDatabase } from "./administered-store.ts";
import { lockSeals } from "./lock-seals.ts";
import { say } from "./print.ts";
import { runCommand } from "./run-command.ts";
import { inputOf, sealOf, TO_UNSEAL_FROM } from "./seal-arguments.ts";

const TO = "--to";
const KEEP_OLD = "--keep-old";

const USAGE = `Usage: cinnabar seal migrate --to SEAL [--to-unseal-from INPUT] [--keep-old] [SETTINGS]

Moves the root key from the seal of --seal to another one, or to the same one with another passphrase or other shares.
The new seal is written and opened again before the old one is removed, so that it can be interrupted at any moment
and run again. Servers may run meanwhile; give them the new --seal for their next start.

  --to SEAL               The new seal, as --seal takes it.
  --to-unseal-from INPUT  Where a new passphrase is read from, as --unseal-from takes it.
  --keep-old              Leave the old seal where it is.

Example: cinnabar seal migrate --seal file --to shamir:3of5 --data /var/lib/cinnabar`;

/** `cinnabar seal migrate`. @param argv - what follows the command. @returns the exit code. */
export function sealMigrate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: USAGE,
    syntax: { operands: [], switches: [KEEP_OLD], options: [[TO], [TO_UNSEAL_FROM]] },
    run: (configuration, { options, switches }) =>
      migrate(configuration, {
        to: targetOf(options.get(TO), configuration.data),
        unsealFrom: inputOf(options.get(TO_UNSEAL_FROM)),
        keepOld: switches.has(KEEP_OLD),
      }),
  });
}

interface Target {
  readonly to: SealSource;
  readonly unsealFrom: SecretInput | undefined;
  readonly keepOld: boolean;
}

async function migrate(configuration: Configuration, { to: target, unsealFrom, keepOld }: Target): Promise<void> {
  // What SQLite makes beside its file is for the owner alone.
  process.umask(0o077);
  const { unsealFrom: fromInput } = configuration;
  const from = await createSeal(configuration.seal, { unsealFrom: fromInput });
  const to = await createSeal(target, { unsealFrom, handOut: printShares });
  await using undo = new AsyncDisposableStack();
  const backend = undo.adopt(await openExistingDatabase(configuration.database), (opened) => opened.close());
  const { rootKey: expected } = undo.use(await lockSeals(backend, [from, to]));
  await removeRootKeys(await findUnnamedRootKeys(directoriesOf(from.path, to.path)));
  // Before the old seal goes: afterwards a symbolic link leads nowhere.
  const place = from.path === undefined ? undefined : await placeOf(from.path);
  const old = await migrateSeal({
    from,
    to,
    expected,
    keepOld,
    async record(rootKey) {
      const { guardKeys } = await openDeploymentKeys(backend, rootKey);
      const store = await ControlStore.open({ backend, guard: new RowGuard(guardKeys) });
      await record(store, { from, to, rootKey });
    },
  });
  await say(`The root key ${expected} is sealed by ${to.describe()} now. ${aftermath(from, old)}`);
  const kept = place === undefined ? [] : await keptRootKeys(place);
  if (kept.length > 0) await say(keptSentence(kept));
}

/** Puts the migration on record in the control log; which passphrase or shares is nobody's to know. */
async function record(store: ControlStore, what: { from: Seal; to: Seal; rootKey: RootKey }): Promise<void> {
  const { from, to, rootKey } = what;
  try {
    await store.run(async (transaction) => {
      await assertRootKey(transaction, { rootKey: rootKey.checkValue });
      const { now, epoch } = transaction;
      const event = encodeSystemEvent({
        name: "MigrateSeal",
        region: store.region,
        eventId: randomUUID().toUpperCase(),
        time: now,
        epoch,
        data: { from: from.kind, to: to.kind, rootKey: rootKey.checkValue },
      });
      return { result: undefined, event };
    });
  } catch (error) {
    if (!(error instanceof UnknownOutcomeError)) throw error;
    throw new OperatorError(
      `The disk did not confirm the record of the migration; ${from.describe()} opens the store as before. Run the command again.`,
      { cause: error },
    );
  }
}

function aftermath(from: Seal, old: OldSeal): string {
  const restart = "Give every server the new --seal for its next start.";
  switch (old) {
    case "removed":
      return `${from.describe()} is removed; copies of it, in backups too, still open the store. ${restart}`;
    case "replaced":
      return "What opened the old one is void, but for copies of the old file.";
    case "source":
      return (
        `${from.describe()} still opens the store as well, for what is handed over may come from it: ` +
        `remove it yourself once servers start without it. ${restart}`
      );
    case "kept":
      return `${from.describe()} still opens the store as well. ${restart}`;
    case "theirs":
      return `Now take it away from ${from.describe()}, which still opens the store as well. ${restart}`;
  }
}

function keptSentence(paths: readonly string[]): string {
  return (
    `Earlier root keys are as they were, and open backups from before their rotation: ${paths.join(", ")}. ` +
    "Keep them apart from those backups, or remove them when you have none any more."
  );
}

function targetOf(text: string | undefined, data: string): SealSource {
  const target = sealOf(TO, text, data);
  if (target === undefined) throw new UsageError("--to SEAL is missing. See --help.");
  return target;
}
