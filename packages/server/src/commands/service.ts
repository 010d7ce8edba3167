import { isServiceName, type Service, type ServiceName, SERVICES } from "@cinnabar/ram";
import { formatTimestamp } from "@cinnabar/rpc";
import { UsageError } from "../operator-error.ts";
import { withServices } from "./administered-store.ts";
import { giveOutAccessKey } from "./new-access-key.ts";
import { formatTable, print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const OUTPUT = ["--output", "-o"] as const;
const NAMES = Object.keys(SERVICES);
const SERVICE = { name: "The service's name" };

const ENABLE_USAGE = `Usage: cinnabar service enable SERVICE [-o FILE] [--json] [SETTINGS]

Gives a service of this deployment an identity: an AccessKey, with which it makes and uses a key of its own in every account,
alias/acs/SERVICE, and assumes the roles that trust SERVICE.aliyuncs.com. The credentials are printed, this once, or
written to a new file. A service that was disabled is enabled again, with the AccessKeys that it had. Servers may run
meanwhile.

Services: ${NAMES.join(", ")}.

  -o, --output FILE  Write the credentials to FILE, 0600, as --credentials takes them.
  --json             Print the result as JSON; a new service's with -o.

Example: cinnabar service enable oss -o oss.json --data /var/lib/cinnabar`;

/** `cinnabar service enable`. @param argv - what follows the command. @returns the exit code. */
export function serviceEnable(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: ENABLE_USAGE,
    syntax: { operands: [SERVICE], switches: ["--json"], options: [OUTPUT] },
    run: (configuration, { operands: [text = ""], switches, options }) => {
      const name = readServiceName(text);
      const destination = { file: options.get(OUTPUT[0]), json: switches.has("--json") };
      return withServices(configuration, async (services) => {
        if ((await services.find(name)) === undefined) {
          return giveOutAccessKey({
            configuration,
            destination,
            create: (keep) => services.create(name, keep),
            done: ({ accessKeyId }) => `Enabled the service ${name} with the AccessKey ${accessKeyId}.`,
          });
        }
        const changed = await services.setEnabled(name, true);
        if (destination.json) return print(toResult({ name, status: "Enabled", changed }));
        const advice = `It has the AccessKeys of before: cinnabar service rotate ${name} makes another.`;
        return say(
          changed
            ? `Enabled the service ${name} again. ${advice}`
            : `The service ${name} was enabled already. ${advice}`,
        );
      });
    },
  });
}

const DISABLE_USAGE = `Usage: cinnabar service disable SERVICE [--json] [SETTINGS]

Refuses every call of a service's, also of the sessions that it has begun, on every node from the moment that the command has
ended. Nothing is deleted: enabled again, it decrypts what it encrypted.

  --json  Print the result as JSON.

Example: cinnabar service disable oss --data /var/lib/cinnabar`;

/** `cinnabar service disable`. @param argv - what follows the command. @returns the exit code. */
export function serviceDisable(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: DISABLE_USAGE,
    syntax: { operands: [SERVICE], switches: ["--json"], options: [] },
    run: async (configuration, { operands: [text = ""], switches }) => {
      const name = readServiceName(text);
      const changed = await withServices(configuration, (services) => services.setEnabled(name, false));
      if (switches.has("--json")) await print(toResult({ name, status: "Disabled", changed }));
      else if (changed) await say(`Disabled the service ${name}: every call of it is refused from now on.`);
      else await say(`The service ${name} was disabled already.`);
    },
  });
}

const LIST_USAGE = `Usage: cinnabar service list [--json] [SETTINGS]

Lists the services that were ever enabled, with their AccessKeys.

  --json  Print them as JSON.

Example: cinnabar service list --data /var/lib/cinnabar`;

/** `cinnabar service list`. @param argv - what follows the command. @returns the exit code. */
export function serviceList(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: LIST_USAGE,
    syntax: { operands: [], switches: ["--json"], options: [] },
    run: async (configuration, { switches }) => {
      const services = await withServices(configuration, (opened) => opened.list());
      await print(
        switches.has("--json") ? `${JSON.stringify({ services: services.map(toJson) })}\n` : toTable(services),
      );
    },
  });
}

const ROTATE_USAGE = `Usage: cinnabar service rotate SERVICE [-o FILE] [--json] [SETTINGS]

Makes a second AccessKey of a service. The credentials are printed, this once, or written to a new file. The first one
holds until it is disabled or deleted, once the service has the second:

  cinnabar service rotate oss -o new.json
  cinnabar access-key disable LTAI5t…      when no call of it is seen any more
  cinnabar access-key delete LTAI5t…

  -o, --output FILE  Write the credentials to FILE, 0600, as --credentials takes them.
  --json             With -o: print the ids as JSON.

Example: cinnabar service rotate oss -o oss.json --data /var/lib/cinnabar`;

/** `cinnabar service rotate`. @param argv - what follows the command. @returns the exit code. */
export function serviceRotate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: ROTATE_USAGE,
    syntax: { operands: [SERVICE], switches: ["--json"], options: [OUTPUT] },
    run: (configuration, { operands: [text = ""], switches, options }) => {
      const name = readServiceName(text);
      return withServices(configuration, (services) =>
        giveOutAccessKey({
          configuration,
          destination: { file: options.get(OUTPUT[0]), json: switches.has("--json") },
          create: (keep) => services.createAccessKey(name, keep),
          done: ({ accessKeyId }) => `Created the AccessKey ${accessKeyId} of the service ${name}.`,
        }),
      );
    },
  });
}

/** @throws UsageError unless there can be such a service. */
function readServiceName(text: string): ServiceName {
  if (isServiceName(text)) return text;
  throw new UsageError(`"${text}" is not a service. These are: ${NAMES.join(", ")}.`);
}

function toResult(result: { readonly name: string; readonly status: string; readonly changed: boolean }): string {
  const { name: service, status, changed } = result;
  return `${JSON.stringify({ service, status, changed })}\n`;
}

function statusOf({ isEnabled }: Service): string {
  return isEnabled ? "Enabled" : "Disabled";
}

function toJson(service: Service) {
  const { name, accountId, createdAt, accessKeys } = service;
  return {
    service: name,
    principal: `${name}.aliyuncs.com`,
    accountId,
    status: statusOf(service),
    createdAt: formatTimestamp(createdAt),
    accessKeys: accessKeys.map(({ id, isActive, createdAt }) => ({
      accessKeyId: id,
      status: isActive ? "Active" : "Inactive",
      createdAt: formatTimestamp(createdAt),
    })),
  };
}

function toTable(services: readonly Service[]): string {
  return formatTable([
    ["SERVICE", "STATUS", "CREATED", "ACCESSKEYS"],
    ...services.map((service) => [
      service.name,
      statusOf(service),
      formatTimestamp(service.createdAt),
      service.accessKeys.map(({ id, isActive }) => (isActive ? id : `${id} (inactive)`)).join(", "),
    ]),
  ]);
}
