import { type InstanceId, isId } from "@cinnabar/kernel";
import { DEFAULT_QUOTAS, type Instance, type InstanceQuotas } from "@cinnabar/kms";
import { accountKind } from "@cinnabar/ram";
import { formatTimestamp } from "@cinnabar/rpc";
import { OperatorError, UsageError } from "../operator-error.ts";
import { readAccountId } from "./account.ts";
import { withInstances } from "./administered-store.ts";
import type { CommandArguments } from "./command-arguments.ts";
import { formatTable, print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const TYPE = ["--type"] as const;
const NAME = ["--name"] as const;
const QUOTA_OPTIONS = { keys: "--keys", secrets: "--secrets", qps: "--qps", access: "--access" } as const;
const QUOTAS: readonly (readonly [string])[] = Object.values(QUOTA_OPTIONS).map((flag) => [flag]);
const MAX_QUOTA = 1_000_000;
const MAX_NAME_CHARACTERS = 255;

const QUOTA_HELP = `  --keys N          How many keys it may hold, counting each of their versions. ${DEFAULT_QUOTAS.keys} at first.
  --secrets N       How many secrets it may hold. ${DEFAULT_QUOTAS.secrets} at first.
  --qps N           How many calls a second it is meant for. Nothing keeps to it. ${DEFAULT_QUOTAS.qps} at first.
  --access N        How many other accounts and VPCs may reach it. ${DEFAULT_QUOTAS.access} at first.`;

const CREATE_USAGE = `Usage: cinnabar instance create ACCOUNT --type software|hardware [OPTIONS] [SETTINGS]

Makes a KMS instance for an account: keys made in it have ids, a quota and shares of their own. The account's first one
is its default instance. Servers may run meanwhile.

  --type TYPE       software, or hardware, which needs a keystore in an HSM.
  --name NAME       Its name, by default its id.
${QUOTA_HELP}
  --uninitialized   Leave it to the account to call ConnectKmsInstance, as after a purchase.
  --json            Print the result as JSON.

Example: cinnabar instance create 1234567890123456 --type software --data /var/lib/cinnabar`;

/** `cinnabar instance create`. @param argv - what follows the command. @returns the exit code. */
export function instanceCreate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: CREATE_USAGE,
    syntax: {
      operands: [{ name: "The account's id" }],
      switches: ["--json", "--uninitialized"],
      options: [TYPE, NAME, ...QUOTAS],
    },
    run: async (configuration, given) => {
      const { operands, switches, options } = given;
      const accountId = readAccountId(operands[0] ?? "");
      const wanted = {
        accountId,
        type: readType(options.get(TYPE[0])),
        name: readName(options.get(NAME[0])),
        quotas: readQuotas(given),
        isUninitialized: switches.has("--uninitialized"),
      };
      const id = await withInstances(configuration, (instances) =>
        instances.create(wanted, async (transaction) => {
          const account = await transaction.find(accountKind, accountId);
          if (account !== undefined && account.service === undefined) return;
          throw new OperatorError(`There is no account ${accountId}. cinnabar account list shows them all.`);
        }),
      );
      if (switches.has("--json")) return print(`${JSON.stringify({ instanceId: id, accountId })}\n`);
      return say(`Created the instance ${id} of the account ${accountId}.`);
    },
  });
}

const LIST_USAGE = `Usage: cinnabar instance list [ACCOUNT] [--json] [SETTINGS]

Lists the KMS instances of all accounts, or those of one account, the oldest first.

  --json  Print them as JSON.

Example: cinnabar instance list --data /var/lib/cinnabar`;

/** `cinnabar instance list`. @param argv - what follows the command. @returns the exit code. */
export function instanceList(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: LIST_USAGE,
    syntax: { operands: [{ name: "The account's id", isOptional: true }], switches: ["--json"], options: [] },
    run: async (configuration, { operands: [text], switches }) => {
      const accountId = text === undefined ? undefined : readAccountId(text);
      const found = await withInstances(configuration, (instances) => instances.list({ accountId }));
      await print(switches.has("--json") ? `${JSON.stringify({ instances: found.map(toJson) })}\n` : toTable(found));
    },
  });
}

const SET_USAGE = `Usage: cinnabar instance set INSTANCE [--keys N] [--secrets N] [--qps N] [--access N] [--json] [SETTINGS]

Changes the quotas of a KMS instance, on every node from the moment that the command has ended. A quota below what is
used takes nothing away.

${QUOTA_HELP}
  --json            Print the result as JSON.

Example: cinnabar instance set kst-abcdefghijklmnopqrstu --keys 5000 --data /var/lib/cinnabar`;

/** `cinnabar instance set`. @param argv - what follows the command. @returns the exit code. */
export function instanceSet(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: SET_USAGE,
    syntax: { operands: [{ name: "The instance's id" }], switches: ["--json"], options: QUOTAS },
    run: async (configuration, given) => {
      const id = readInstanceId(given.operands[0] ?? "");
      const quotas = readQuotas(given);
      if (Object.keys(quotas).length === 0) {
        throw new UsageError(`Say what to set: ${Object.values(QUOTA_OPTIONS).join(", ")}.`);
      }
      const changed = await withInstances(configuration, (instances) => instances.changeQuotas(id, quotas));
      if (given.switches.has("--json")) return print(`${JSON.stringify({ instanceId: id, ...quotas, changed })}\n`);
      return say(changed ? `Changed the quotas of ${id}.` : `The quotas of ${id} were so already.`);
    },
  });
}

const DEFAULT_USAGE = `Usage: cinnabar instance default INSTANCE [--json] [SETTINGS]

Makes a KMS instance the default one of its account, which GetDefaultKmsInstance tells.

  --json  Print the result as JSON.

Example: cinnabar instance default kst-abcdefghijklmnopqrstu --data /var/lib/cinnabar`;

/** `cinnabar instance default`. @param argv - what follows the command. @returns the exit code. */
export function instanceDefault(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: DEFAULT_USAGE,
    syntax: { operands: [{ name: "The instance's id" }], switches: ["--json"], options: [] },
    run: async (configuration, { operands: [text = ""], switches }) => {
      const id = readInstanceId(text);
      const changed = await withInstances(configuration, (instances) => instances.setDefault(id));
      if (switches.has("--json")) return print(`${JSON.stringify({ instanceId: id, changed })}\n`);
      return say(changed ? `${id} is the default instance now.` : `${id} was the default instance already.`);
    },
  });
}

/** @throws UsageError unless it could be an instance's id. */
function readInstanceId(text: string): InstanceId {
  if (isId("Instance", text)) return text;
  throw new UsageError(
    `"${text}" is not an instance: it would be kst- and 21 letters and digits. cinnabar instance list shows them all.`,
  );
}

function readType(text: string | undefined): Instance["type"] {
  if (text === "software" || text === "hardware") return text;
  throw new UsageError(
    text === undefined ? `${TYPE[0]} is missing.` : `${TYPE[0]} is "${text}": it must be software or hardware.`,
  );
}

function readName(text: string | undefined): string | undefined {
  const isGood = text === undefined || (text.length <= MAX_NAME_CHARACTERS && text.isWellFormed());
  if (isGood) return text;
  throw new UsageError(`${NAME[0]} is too long: it has at most ${MAX_NAME_CHARACTERS} characters.`);
}

function readQuotas({ options }: CommandArguments): Partial<InstanceQuotas> {
  const quota = (flag: string): number | undefined => {
    const text = options.get(flag);
    if (text === undefined) return undefined;
    if (/^[0-9]{1,7}$/.test(text) && Number(text) <= MAX_QUOTA) return Number(text);
    throw new UsageError(`${flag} is "${text}": it must be a number from 0 to ${MAX_QUOTA}.`);
  };
  const { keys, secrets, qps, access } = {
    keys: quota(QUOTA_OPTIONS.keys),
    secrets: quota(QUOTA_OPTIONS.secrets),
    qps: quota(QUOTA_OPTIONS.qps),
    access: quota(QUOTA_OPTIONS.access),
  };
  return {
    ...(keys !== undefined && { keys }),
    ...(secrets !== undefined && { secrets }),
    ...(qps !== undefined && { qps }),
    ...(access !== undefined && { access }),
  };
}

function toJson({ id, accountId, type, state, name, createdAt, quotas, isDefault }: Instance) {
  return {
    instanceId: id,
    accountId,
    type,
    status: state,
    name,
    createdAt: formatTimestamp(createdAt),
    quotas,
    isDefault,
  };
}

function toTable(instances: readonly Instance[]): string {
  return formatTable([
    ["INSTANCE", "ACCOUNT", "TYPE", "STATUS", "CREATED", "KEYS", "NAME"],
    ...instances.map(({ id, accountId, type, state, name, createdAt, quotas, isDefault }) => [
      isDefault ? `${id} (default)` : id,
      accountId,
      type,
      state,
      formatTimestamp(createdAt),
      `at most ${quotas.keys}`,
      name === id ? "" : name,
    ]),
  ]);
}
