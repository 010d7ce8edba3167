import { type Seal, UnknownOutcomeError } from "@cinnabar/kernel";
import type { Configuration } from "../configuration/index.ts";
import { OperatorError, UsageError } from "../operator-error.ts";
import { putUnderRootKey } from "../rotation/index.ts";
import {
  createSeal,
  directoriesOf,
  findUnnamedRootKeys,
  printShares,
  removeRootKeys,
  rotateSeal,
  type SealRotationOutcome,
  type SealSource,
  type SecretInput,
} from "../seal/index.ts";
import { openExistingDatabase } from "./administered-store.ts";
import { lockSeals } from "./lock-seals.ts";
import { print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";
import { inputOf, sealOf, TO_UNSEAL_FROM } from "./seal-arguments.ts";

const TO = "--to";
const REMOVE_OLD = "--remove-old";

const USAGE = `Usage: cinnabar root-key rotate [--remove-old] [--to SEAL [--to-unseal-from INPUT]] [--json] [SETTINGS]

Puts the store under a new root key. The seal stays: the same passphrase, shares or other service open the new one. The
old root key is kept beside it, since backups from before need it. Servers may run meanwhile and go on. Interrupted at
any moment, it leaves the root key that the store is under, and can be run again.

  --remove-old            Do not keep the old root key: what is sealed under it, backups too, opens no more. Not with --to.
  --to SEAL               Put the new root key into another seal, as --seal takes it, where there is none yet: for env
                          and command, whose keeper alone can put one there. The old seal is left alone.
  --to-unseal-from INPUT  Where a new passphrase is read from, as --unseal-from takes it.
  --json                  Print the result as JSON. Not with --to shamir, which prints shares.

Example: cinnabar root-key rotate --data /var/lib/cinnabar`;

/** `cinnabar root-key rotate`. @param argv - what follows the command. @returns the exit code. */
export function rootKeyRotate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: USAGE,
    syntax: { operands: [], switches: [REMOVE_OLD, "--json"], options: [[TO], [TO_UNSEAL_FROM]] },
    run: (configuration, { options, switches }) =>
      rotate(
        configuration,
        assertTogether({
          to: sealOf(TO, options.get(TO), configuration.data),
          unsealFrom: inputOf(options.get(TO_UNSEAL_FROM)),
          keepOld: !switches.has(REMOVE_OLD),
          json: switches.has("--json"),
        }),
      ),
  });
}

interface Wishes {
  readonly to: SealSource | undefined;
  readonly unsealFrom: SecretInput | undefined;
  readonly keepOld: boolean;
  readonly json: boolean;
}

/** @throws UsageError if they cannot all be had at once. */
function assertTogether(wishes: Wishes): Wishes {
  const { to, keepOld, json } = wishes;
  if (to !== undefined && !keepOld) {
    throw new UsageError(
      `${REMOVE_OLD} and ${TO} do not go together: with ${TO} the old root key stays where it is, and is yours to remove there. See --help.`,
    );
  }
  if (to?.kind === "shamir" && json) {
    throw new UsageError(`--json and ${TO} shamir do not go together: the new shares are printed. See --help.`);
  }
  return wishes;
}

async function rotate(configuration: Configuration, { to: target, unsealFrom, keepOld, json }: Wishes): Promise<void> {
  // What SQLite makes beside its file is for the owner alone.
  process.umask(0o077);
  const seal = await createSeal(configuration.seal, configuration);
  const to = target && (await createSeal(target, { unsealFrom, handOut: printShares }));
  await using undo = new AsyncDisposableStack();
  const backend = undo.adopt(await openExistingDatabase(configuration.database), (opened) => opened.close());
  const { rootKey: expected } = undo.use(await lockSeals(backend, [seal, to]));
  await removeRootKeys(await findUnnamedRootKeys(directoriesOf(seal.path, to?.path)));
  const outcome = await rotateSeal({
    seal,
    to,
    expected,
    keepOld,
    async commit(keys) {
      try {
        await putUnderRootKey({ backend, ...keys, seal: (to ?? seal).kind });
      } catch (error) {
        if (!(error instanceof UnknownOutcomeError)) throw error;
        throw new OperatorError(
          "The disk did not confirm the change, and the store is under the old root key or the new one; both are there. Run the command again.",
          { cause: error },
        );
      }
    },
  });
  if (json) await print(`${JSON.stringify({ before: expected, ...outcome })}\n`);
  else await say(describe(outcome, { seal, to }));
}

function describe({ kind, rootKey, kept }: SealRotationOutcome, seals: { seal: Seal; to: Seal | undefined }): string {
  const { seal, to } = seals;
  const place = (to ?? seal).describe();
  if (kind === "finished") {
    const next = to === undefined ? "Run the command again for another one." : "Give every server the new --seal.";
    return `A rotation had been interrupted: the root key ${rootKey}, which the store is under, is in its place in ${place} now. ${next}`;
  }
  const now = `The store is under the root key ${rootKey} now, in ${place}.`;
  const old =
    kept === undefined
      ? "The old one is gone from there."
      : `The old one is in ${kept}: backups from before need it. Take it away when you have none of these any more.`;
  const others =
    to === undefined
      ? "Servers that run go on; give every other node a copy of the seal's file before its next start."
      : "Servers that run go on; give every one the new --seal for its next start.";
  return `${now} ${old} ${others}`;
}
