import { type AccountId, UnknownOutcomeError } from "@cinnabar/kernel";
import { listAccountIds } from "@cinnabar/ram";
import type { Configuration } from "../configuration/index.ts";
import { OperatorError, UsageError } from "../operator-error.ts";
import { type AccountKeyRotation, rotateOrResume } from "../rotation/index.ts";
import { accountKeyUses } from "../tables.ts";
import { readAccountId } from "./account.ts";
import { withStore } from "./administered-store.ts";
import { print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const ALL = "--all";
/** How often a long rotation says how far it is, in milliseconds. */
const PROGRESS_MILLIS = 5_000;

const USAGE = `Usage: cinnabar account-key rotate ACCOUNT|--all [--json] [SETTINGS]

Gives an account a new version of the key that wraps its keys' material and its AccessKeys' secrets, and wraps them all
anew under it. Nothing changes for callers, and servers may run meanwhile. Interrupted, it is ended by a server within
minutes, or by the same command.

  --all   Rotate the keys of all accounts.
  --json  Print the result as JSON.

Example: cinnabar account-key rotate 1234567890123456 --data /var/lib/cinnabar`;

/** `cinnabar account-key rotate`. @param argv - what follows the command. @returns the exit code. */
export function accountKeyRotate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: USAGE,
    syntax: {
      operands: [{ name: "The account's id, or --all", isOptional: true }],
      switches: [ALL, "--json"],
      options: [],
    },
    run: (configuration, { operands: [text], switches }) =>
      rotate(configuration, { account: accountOf(text, switches.has(ALL)), json: switches.has("--json") }),
  });
}

/** `undefined` stands for all accounts. */
function accountOf(text: string | undefined, isAll: boolean): AccountId | undefined {
  if ((text === undefined) === isAll) return text === undefined ? undefined : readAccountId(text);
  throw new UsageError(`Name one account, or give ${ALL}. See --help.`);
}

async function rotate(
  configuration: Configuration,
  { account, json }: { readonly account: AccountId | undefined; readonly json: boolean },
): Promise<void> {
  const accounts = await withStore(configuration, async ({ store, keys }) => {
    const done: AccountKeyRotation[] = [];
    const ids = account === undefined ? await listAccountIds({ db: store.reader, guard: store.guard }) : [account];
    for (const accountId of ids) {
      try {
        const onRewrapped = everySoOften((count) => say(`The account ${accountId}: ${count} values so far.`));
        done.push(await rotateOrResume(store, { keys, uses: accountKeyUses, accountId, onRewrapped }));
      } catch (error) {
        if (!(error instanceof UnknownOutcomeError)) throw error;
        throw new OperatorError(
          "The disk did not confirm a step, and it may have taken effect or not: run the command again.",
          {
            cause: error,
          },
        );
      }
      if (!json) for (const rotation of done.slice(-1)) await say(describe(rotation));
    }
    return done;
  });
  if (json) await print(`${JSON.stringify({ accounts })}\n`);
}

function describe({ accountId, version, rewrapped, isNew }: AccountKeyRotation): string {
  const values = `values wrapped anew: ${rewrapped}`;
  return isNew
    ? `The key of the account ${accountId} is of version ${version} now (${values}).`
    : `Ended the rotation of the account ${accountId}'s key to version ${version}, which had been interrupted (${values}). Run the command again for another version.`;
}

function everySoOften(tell: (count: number) => Promise<void>): (count: number) => void {
  let toldAt = performance.now();
  return (count) => {
    if (performance.now() - toldAt < PROGRESS_MILLIS) return;
    toldAt = performance.now();
    void tell(count);
  };
}
