import { readFile } from "node:fs/promises";
import type { OidcProvider } from "@cinnabar/ram";
import { formatTimestamp } from "@cinnabar/rpc";
import { fileError } from "../data-directory/file-error.ts";
import { UsageError } from "../operator-error.ts";
import { readAccountId } from "./account.ts";
import { withOidcProviders } from "./administered-store.ts";
import { formatTable, print, say } from "./print.ts";
import { runCommand } from "./run-command.ts";

const ISSUER = ["--issuer"] as const;
const CLIENT_IDS = ["--client-id"] as const;
const CA = ["--ca"] as const;

const CREATE_USAGE = `Usage: cinnabar ram provider create ACCOUNT NAME --issuer URL --client-id ID[,ID…] [--ca FILE]
       [--allow-local-addresses] [--json] [SETTINGS]

Registers an OpenID Connect provider. Roles of the account whose trust policy names
acs:ram::ACCOUNT:oidc-provider/NAME as Federated can be assumed with the tokens that it issues, by AssumeRoleWithOIDC.
Servers fetch the provider's keys from URL/.well-known/openid-configuration.

  --issuer URL             What its tokens have in "iss", https.
  --client-id ID[,ID…]     Whom its tokens must be for: one of these stands in "aud".
  --ca FILE                Certificates in PEM to trust instead of the system's.
  --allow-local-addresses  Fetch from addresses of this machine and this link too.
  --json                   Print the result as JSON.

Example: cinnabar ram provider create 1234567890123456 ci --issuer https://gitlab.example.com --client-id kms \\
           --data /var/lib/cinnabar`;

/** `cinnabar ram provider create`. @param argv - what follows the command. @returns the exit code. */
export function ramProviderCreate(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: CREATE_USAGE,
    syntax: {
      operands: [{ name: "The account's id" }, { name: "The provider's name" }],
      switches: ["--allow-local-addresses", "--json"],
      options: [ISSUER, CLIENT_IDS, CA],
    },
    run: async (configuration, { operands: [text = "", name = ""], switches, options }) => {
      const accountId = readAccountId(text);
      const issuer = readOption(options, ISSUER[0]);
      const clientIds = readOption(options, CLIENT_IDS[0]).split(",");
      const caFile = options.get(CA[0]);
      const ca = caFile === undefined ? undefined : await readCa(caFile);
      const allowsLocalAddresses = switches.has("--allow-local-addresses");
      await withOidcProviders(configuration, (providers) =>
        providers.create(accountId, { name, issuer, clientIds, ca, allowsLocalAddresses }),
      );
      const arn = `acs:ram::${accountId}:oidc-provider/${name}`;
      if (switches.has("--json")) await print(`${JSON.stringify({ accountId, name, arn })}\n`);
      else await say(`Registered the provider ${arn}.`);
    },
  });
}

const LIST_USAGE = `Usage: cinnabar ram provider list [ACCOUNT] [--json] [SETTINGS]

Lists the OpenID Connect providers of all accounts, or those of one account.

  --json  Print them as JSON.

Example: cinnabar ram provider list 1234567890123456 --data /var/lib/cinnabar`;

/** `cinnabar ram provider list`. @param argv - what follows the command. @returns the exit code. */
export function ramProviderList(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: LIST_USAGE,
    syntax: { operands: [{ name: "The account's id", isOptional: true }], switches: ["--json"], options: [] },
    run: async (configuration, { operands: [text], switches }) => {
      const accountId = text === undefined ? undefined : readAccountId(text);
      const found = await withOidcProviders(configuration, (providers) => providers.list({ accountId }));
      await print(switches.has("--json") ? `${JSON.stringify({ providers: found.map(toJson) })}\n` : toTable(found));
    },
  });
}

const DELETE_USAGE = `Usage: cinnabar ram provider delete ACCOUNT NAME [--json] [SETTINGS]

Deletes an OpenID Connect provider. Its tokens are refused, and every session that began with one has ended, with all that
were begun from it, on every node from the moment that the command has ended.

  --json  Print the result as JSON.

Example: cinnabar ram provider delete 1234567890123456 ci --data /var/lib/cinnabar`;

/** `cinnabar ram provider delete`. @param argv - what follows the command. @returns the exit code. */
export function ramProviderDelete(argv: readonly string[]): Promise<number> {
  return runCommand({
    argv,
    usage: DELETE_USAGE,
    syntax: {
      operands: [{ name: "The account's id" }, { name: "The provider's name" }],
      switches: ["--json"],
      options: [],
    },
    run: async (configuration, { operands: [text = "", name = ""], switches }) => {
      const accountId = readAccountId(text);
      await withOidcProviders(configuration, (providers) => providers.delete(accountId, name));
      if (switches.has("--json")) await print(`${JSON.stringify({ accountId, name })}\n`);
      else await say(`Deleted the provider ${name} of the account ${accountId}: its sessions have ended.`);
    },
  });
}

function readOption(options: ReadonlyMap<string, string>, flag: string): string {
  const value = options.get(flag);
  if (value === undefined) throw new UsageError(`${flag} is missing. See --help.`);
  return value;
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw fileError(`${path} cannot be read`, error);
  }
}

function toJson({ accountId, name, issuer, clientIds, ca, allowsLocalAddresses, createdAt }: OidcProvider) {
  return { accountId, name, issuer, clientIds, ca, allowsLocalAddresses, createdAt: formatTimestamp(createdAt) };
}

function toTable(providers: readonly OidcProvider[]): string {
  return formatTable([
    ["ACCOUNT", "NAME", "ISSUER", "CLIENT IDS", "CREATED"],
    ...providers.map(({ accountId, name, issuer, clientIds, createdAt }) => [
      accountId,
      name,
      issuer,
      clientIds.join(","),
      formatTimestamp(createdAt),
    ]),
  ]);
}
