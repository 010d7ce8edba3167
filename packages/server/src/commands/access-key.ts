import { type AccessKeyId, isId } from "@cinnabar/kernel";
import { type AccessKeyEntry, type Administration, AdministrationError } from "@cinnabar/ram";
import { formatTimestamp } from "@cinnabar/rpc";
import { OperatorError, UsageError } from "../operator-error.ts";
import { readAccountId } from "./account.ts";
import { withAdministration } from "./administered-store.ts";
import { giveOutAccessKey } from "./new-access-key.ts";
import { formatTable, print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const OUTPUT = ["--output", "-o"] as const;

const CREATE_USAGE = `Usage: cinnabar access-key create ACCOUNT [-o FILE] [--json] [SETTINGS]

Makes a further AccessKey of an account's root. The credentials are printed, this once, or written to a new file.
Servers may run meanwhile.

  -o, --output FILE  Write the credentials to FILE, 0600, as --credentials takes them.
  --json             With -o: print the ids as JSON.

Example: cinnabar access-key create 1234567890123456 -o new-key.json --data /var/lib/cinnabar`;

/** `cinnabar access-key create`. @param argv - what follows the command. @returns the exit code. */
export function accessKeyCreate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: CREATE_USAGE,
    syntax: { operands: [{ name: "The account's id" }], switches: ["--json"], options: [OUTPUT] },
    run: (configuration, { operands: [text = ""], switches, options }) => {
      const accountId = readAccountId(text);
      return withAdministration(configuration, (administration) =>
        giveOutAccessKey({
          configuration,
          destination: { file: options.get(OUTPUT[0]), json: switches.has("--json") },
          create: (keep) => administration.createAccessKey(accountId, keep),
          done: ({ accessKeyId }) => `Created the AccessKey ${accessKeyId} of the account ${accountId}.`,
        }),
      );
    },
  });
}

const LIST_USAGE = `Usage: cinnabar access-key list [ACCOUNT] [--json] [SETTINGS]

Lists the AccessKeys of the accounts' roots, or those of one account, the oldest first.

  --json  Print them as JSON.

Example: cinnabar access-key list 1234567890123456 --data /var/lib/cinnabar`;

/** `cinnabar access-key list`. @param argv - what follows the command. @returns the exit code. */
export function accessKeyList(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: LIST_USAGE,
    syntax: { operands: [{ name: "The account's id", isOptional: true }], switches: ["--json"], options: [] },
    run: async (configuration, { operands: [text], switches }) => {
      const accountId = text === undefined ? undefined : readAccountId(text);
      const keys = await withAdministration(configuration, (administration) =>
        administration.listAccessKeys({ accountId }),
      );
      await print(switches.has("--json") ? `${JSON.stringify({ accessKeys: keys.map(toJson) })}\n` : toTable(keys));
    },
  });
}

const ENABLE_USAGE = `Usage: cinnabar access-key enable ACCESSKEY [--json] [SETTINGS]

Lets a disabled AccessKey be used again, on every node from the moment that the command has ended.

  --json  Print the result as JSON.

Example: cinnabar access-key enable LTAI5tExampleExampleExam --data /var/lib/cinnabar`;

/** `cinnabar access-key enable`. @param argv - what follows the command. @returns the exit code. */
export function accessKeyEnable(argv: readonly string[]): Promise<number> {
  return change(argv, {
    usage: ENABLE_USAGE,
    takesForce: false,
    status: "Active",
    run: (administration, { id }) => administration.enableAccessKey(id),
    describe: (id, changed) => (changed ? `Enabled the AccessKey ${id}.` : `The AccessKey ${id} was active already.`),
  });
}

const DISABLE_USAGE = `Usage: cinnabar access-key disable ACCESSKEY [--force] [--json] [SETTINGS]

Refuses every call with an AccessKey, on every node from the moment that the command has ended. It can be enabled again.

  --force  Disable it even if its account has no other active one.
  --json   Print the result as JSON.

Example: cinnabar access-key disable LTAI5tExampleExampleExam --data /var/lib/cinnabar`;

/** `cinnabar access-key disable`. @param argv - what follows the command. @returns the exit code. */
export function accessKeyDisable(argv: readonly string[]): Promise<number> {
  return change(argv, {
    usage: DISABLE_USAGE,
    takesForce: true,
    status: "Inactive",
    run: (administration, { id, force }) => administration.disableAccessKey(id, { force }),
    describe: (id, changed) =>
      changed
        ? `Disabled the AccessKey ${id}: every call with it is refused from now on.`
        : `The AccessKey ${id} was disabled already.`,
  });
}

const DELETE_USAGE = `Usage: cinnabar access-key delete ACCESSKEY [--force] [--json] [SETTINGS]

Deletes an AccessKey for good. It must be disabled before, so that whoever still uses it shows while it can be undone.

  --force  Delete it even if it is active, or its account's last active one.
  --json   Print the result as JSON.

Example: cinnabar access-key delete LTAI5tExampleExampleExam --data /var/lib/cinnabar`;

/** `cinnabar access-key delete`. @param argv - what follows the command. @returns the exit code. */
export function accessKeyDelete(argv: readonly string[]): Promise<number> {
  return change(argv, {
    usage: DELETE_USAGE,
    takesForce: true,
    status: "Deleted",
    run: async (administration, { id, force }) => {
      await administration.deleteAccessKey(id, { force });
      return true;
    },
    describe: (id) => `Deleted the AccessKey ${id}.`,
  });
}

interface Change {
  readonly usage: string;
  readonly takesForce: boolean;
  /** What it is afterwards. */
  readonly status: "Active" | "Inactive" | "Deleted";
  /** @returns whether anything had to be changed. */
  run(administration: Administration, key: { readonly id: AccessKeyId; readonly force: boolean }): Promise<boolean>;
  describe(id: string, changed: boolean): string;
}

function change(argv: readonly string[], options: Change): Promise<number> {
  const switches = options.takesForce ? ["--json", "--force"] : ["--json"];
  return runCommand({
    argv,
    usage: options.usage,
    syntax: { operands: [{ name: "The AccessKey's id" }], switches, options: [] },
    run: async (configuration, { operands: [text = ""], switches: given }) => {
      const id = readAccessKeyId(text);
      const changed = await withAdministration(configuration, (administration) =>
        options.run(administration, { id, force: given.has("--force") }),
      ).catch((error: unknown) => {
        throw withAdvice(error);
      });
      const { status } = options;
      if (given.has("--json")) await print(`${JSON.stringify({ accessKeyId: id, status, changed })}\n`);
      else await say(options.describe(id, changed));
    },
  });
}

function readAccessKeyId(text: string): AccessKeyId {
  if (isId("AccessKey", text)) return text;
  // Not repeated: it may be a secret that was taken for the id.
  throw new UsageError(
    "What was given is not an AccessKey's id: LTAI5t and 18 letters or digits. cinnabar access-key list shows them all.",
  );
}

/** Names the flag that does it all the same. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof AdministrationError)) return error;
  if (error.code !== "lastActiveAccessKey" && error.code !== "accessKeyInUse") return error;
  return new OperatorError(`${error.message} If it is meant, add --force.`, { cause: error });
}

function toJson({ id, accountId, isActive, createdAt }: AccessKeyEntry) {
  return {
    accessKeyId: id,
    accountId,
    status: isActive ? "Active" : "Inactive",
    createdAt: formatTimestamp(createdAt),
  };
}

function toTable(keys: readonly AccessKeyEntry[]): string {
  return formatTable([
    ["ACCESSKEY", "ACCOUNT", "STATUS", "CREATED"],
    ...keys.map(({ id, accountId, isActive, createdAt }) => [
      id,
      accountId,
      isActive ? "Active" : "Inactive",
      formatTimestamp(createdAt),
    ]),
  ]);
}
