import { type AccountId, isId } from "@cinnabar/kernel";
import { type AccountSettings, type AccountSummary, SEPARATIONS, type SeparationOfDuties } from "@cinnabar/ram";
import { formatTimestamp } from "@cinnabar/rpc";
import { UsageError } from "../operator-error.ts";
import { withAdministration } from "./administered-store.ts";
import { giveOutAccessKey } from "./new-access-key.ts";
import { formatTable, print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const OUTPUT = ["--output", "-o"] as const;

const CREATE_USAGE = `Usage: cinnabar account create [-o FILE] [--json] [SETTINGS]

Makes an account with an AccessKey of its root. The credentials are printed, this once, or written to a new file.
Servers may run meanwhile.

  -o, --output FILE  Write the credentials to FILE, 0600, as --credentials takes them.
  --json             With -o: print the ids as JSON.

Example: cinnabar account create -o payments.json --data /var/lib/cinnabar`;

/** `cinnabar account create`. @param argv - what follows the command. @returns the exit code. */
export function accountCreate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: CREATE_USAGE,
    syntax: { operands: [], switches: ["--json"], options: [OUTPUT] },
    run: (configuration, { switches, options }) =>
      withAdministration(configuration, (administration) =>
        giveOutAccessKey({
          configuration,
          destination: { file: options.get(OUTPUT[0]), json: switches.has("--json") },
          create: (keep) => administration.createAccount(keep),
          done: ({ accountId, accessKeyId }) => `Created the account ${accountId} with the AccessKey ${accessKeyId}.`,
        }),
      ),
  });
}

const LIST_USAGE = `Usage: cinnabar account list [--json] [SETTINGS]

Lists the accounts, the oldest first.

  --json  Print them as JSON.

Example: cinnabar account list --data /var/lib/cinnabar`;

/** `cinnabar account list`. @param argv - what follows the command. @returns the exit code. */
export function accountList(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: LIST_USAGE,
    syntax: { operands: [], switches: ["--json"], options: [] },
    run: async (configuration, { switches }) => {
      const accounts = await withAdministration(configuration, (administration) => administration.listAccounts());
      await print(
        switches.has("--json") ? `${JSON.stringify({ accounts: accounts.map(toJson) })}\n` : toTable(accounts),
      );
    },
  });
}

const ENABLE_USAGE = `Usage: cinnabar account enable ACCOUNT [--json] [SETTINGS]

Lets a disabled account be used again, on every node from the moment that the command has ended.

  --json  Print the result as JSON.

Example: cinnabar account enable 1234567890123456 --data /var/lib/cinnabar`;

/** `cinnabar account enable`. @param argv - what follows the command. @returns the exit code. */
export function accountEnable(argv: readonly string[]): Promise<number> {
  return setEnabled(argv, { usage: ENABLE_USAGE, isEnabled: true });
}

const DISABLE_USAGE = `Usage: cinnabar account disable ACCOUNT [--json] [SETTINGS]

Refuses every call of an account's, on every node from the moment that the command has ended. Nothing is deleted.

  --json  Print the result as JSON.

Example: cinnabar account disable 1234567890123456 --data /var/lib/cinnabar`;

/** `cinnabar account disable`. @param argv - what follows the command. @returns the exit code. */
export function accountDisable(argv: readonly string[]): Promise<number> {
  return setEnabled(argv, { usage: DISABLE_USAGE, isEnabled: false });
}

function setEnabled(
  argv: readonly string[],
  { usage, isEnabled }: { readonly usage: string; readonly isEnabled: boolean },
): Promise<number> {
  return runCommand({
    argv,
    usage,
    syntax: { operands: [{ name: "The account's id" }], switches: ["--json"], options: [] },
    run: async (configuration, { operands: [text = ""], switches }) => {
      const accountId = readAccountId(text);
      const changed = await withAdministration(configuration, (administration) =>
        administration.setAccountEnabled(accountId, isEnabled),
      );
      const status = isEnabled ? "Enabled" : "Disabled";
      if (switches.has("--json")) await print(`${JSON.stringify({ accountId, status, changed })}\n`);
      else await say(describeChange(accountId, { isEnabled, changed }));
    },
  });
}

const USAGE_REVIEW = "--require-usage-review";
const SEPARATION = "--separation-of-duties";

const SET_USAGE = `Usage: cinnabar account set ACCOUNT [--require-usage-review on|off]
         [--separation-of-duties off|warn|enforce] [--json] [SETTINGS]

Changes settings of an account, on every node from the moment that the command has ended.

  --require-usage-review on|off            Whether the deletion of a key is scheduled only by who gives the hash of
                                           its usage report: see cinnabar key usage --report. Off at first.
  --separation-of-duties off|warn|enforce  What comes of a change after which somebody could both use a key and
                                           manage it: nothing, a warning, or a refusal. At first, warn.
  --json                                   Print the result as JSON.

Example: cinnabar account set 1234567890123456 --require-usage-review on --data /var/lib/cinnabar`;

/** `cinnabar account set`. @param argv - what follows the command. @returns the exit code. */
export function accountSet(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: SET_USAGE,
    syntax: {
      operands: [{ name: "The account's id" }],
      switches: ["--json"],
      options: [[USAGE_REVIEW], [SEPARATION]],
    },
    run: async (configuration, { operands: [text = ""], switches, options }) => {
      const accountId = readAccountId(text);
      const wanted = readSettings(options);
      const changed = await withAdministration(configuration, (administration) =>
        administration.changeAccountSettings(accountId, wanted),
      );
      if (switches.has("--json")) await print(`${JSON.stringify({ accountId, ...wanted, changed })}\n`);
      else await say(describeSettings(accountId, wanted, changed));
    },
  });
}

/** @throws UsageError for values that there are not, or if nothing is to be set. */
function readSettings(options: ReadonlyMap<string, string>): Partial<AccountSettings> {
  const review = options.get(USAGE_REVIEW);
  const separation = options.get(SEPARATION);
  if (review === undefined && separation === undefined) {
    throw new UsageError(`Say what to set: ${USAGE_REVIEW} on or off, or ${SEPARATION} ${SEPARATIONS.join(", ")}.`);
  }
  return {
    ...(review !== undefined && { requireUsageReview: readSwitch(USAGE_REVIEW, review) }),
    ...(separation !== undefined && { separationOfDuties: readSeparation(separation) }),
  };
}

/** @throws UsageError unless it is `on` or `off`. */
function readSwitch(flag: string, text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new UsageError(`${flag} is "${text}": it must be on or off.`);
}

/** @throws UsageError unless it is one of the three. */
function readSeparation(text: string): SeparationOfDuties {
  const found = SEPARATIONS.find((separation) => separation === text);
  if (found !== undefined) return found;
  throw new UsageError(`${SEPARATION} is "${text}": it must be ${SEPARATIONS.join(", ")}.`);
}

const SEPARATION_RULES: Readonly<Record<SeparationOfDuties, string>> = {
  off: "says nothing of who can both use a key and manage it",
  warn: "warns of changes after which somebody can both use a key and manage it",
  enforce: "refuses changes after which somebody could both use a key and manage it",
};

function describeSettings(
  accountId: string,
  { requireUsageReview, separationOfDuties }: Partial<AccountSettings>,
  changed: boolean,
): string {
  const rules = [
    ...(requireUsageReview === undefined
      ? []
      : [`requires ${requireUsageReview ? "a" : "no"} review of a key's usage before its deletion is scheduled`]),
    ...(separationOfDuties === undefined ? [] : [SEPARATION_RULES[separationOfDuties]]),
  ];
  const rule = `The account ${accountId} ${rules.join(", and ")}`;
  return changed ? `${rule}, from now on.` : `${rule}: it was so already.`;
}

/** @throws UsageError unless it could be an account's id. */
export function readAccountId(text: string): AccountId {
  if (isId("Account", text)) return text;
  throw new UsageError(`"${text}" is not an account: it would be 16 digits. cinnabar account list shows them all.`);
}

function describeChange(
  accountId: string,
  { isEnabled, changed }: { readonly isEnabled: boolean; readonly changed: boolean },
): string {
  if (!changed) return `The account ${accountId} was ${isEnabled ? "enabled" : "disabled"} already.`;
  return isEnabled
    ? `Enabled the account ${accountId}.`
    : `Disabled the account ${accountId}: every call of its AccessKeys is refused from now on.`;
}

function toJson({ id, isEnabled, createdAt, settings, accessKeys, activeAccessKeys }: AccountSummary) {
  const status = isEnabled ? "Enabled" : "Disabled";
  return { accountId: id, status, createdAt: formatTimestamp(createdAt), accessKeys, activeAccessKeys, ...settings };
}

function toTable(accounts: readonly AccountSummary[]): string {
  return formatTable([
    ["ACCOUNT", "STATUS", "CREATED", "ACCESSKEYS", "USAGE REVIEW", "SEPARATION OF DUTIES"],
    ...accounts.map(({ id, isEnabled, createdAt, settings, accessKeys, activeAccessKeys }) => [
      id,
      isEnabled ? "Enabled" : "Disabled",
      formatTimestamp(createdAt),
      `${accessKeys}, ${activeAccessKeys} active`,
      settings.requireUsageReview ? "required" : "not required",
      settings.separationOfDuties,
    ]),
  ]);
}
