import { CLOUD_LIMITS, DEFAULT_NONCE_SLOTS, LOG_LEVELS } from "@cinnabar/kernel";
import { CLOUD_QUOTAS } from "@cinnabar/kms";
import { z } from "zod";

import { duration, DURATION_HINT } from "./duration.ts";
import { size, SIZE_HINT } from "./size.ts";
import { parseCheckpointAddress } from "../checkpoints/checkpoint-address.ts";
import { isEmulatorOrigin } from "../emulator/emulator-mark.ts";
import { parseListenAddress, parseNetworks } from "../listener/index.ts";
import { parseSeal } from "../seal/seal-source.ts";
import { parseSecretInput } from "../seal/secret-input.ts";
import { isCertificateName } from "../tls/certificate-names.ts";

/** One thing that an operator can set. Its flag, variable and key in the file are its name in three spellings. */
export interface Setting<T = unknown> {
  /** Stands for the value in help, `DIR` for example; `undefined` for a switch. */
  readonly placeholder: string | undefined;
  /** From text to the value. Its messages continue "--flag VALUE: ". */
  readonly schema: z.ZodType<T, string>;
  /** As text. `undefined`: there is none, and the value is undefined if nothing sets it. */
  readonly default: string | undefined;
  /** What to say of the default where `default` does not show it. */
  readonly defaultNote?: string;
  readonly description: string;
  /** Whether the value may hold a password. */
  readonly secret?: true;
}

const path = z.string().min(1, "a path is needed");

const listenAddress = z.string().transform((text, context) => {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  context.addIssue("not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080");
  return z.NEVER;
});

const checkpointAddress = z.string().transform((text, context) => {
  const address = parseCheckpointAddress(text);
  if (address !== undefined) return address;
  context.addIssue("neither a file, nor an http or https URL, nor syslog or syslog://HOST:PORT");
  return z.NEVER;
});

const toggle = z.enum(["true", "false"], "neither true nor false").transform((text) => text === "true");

function whole(minimum: number, maximum: number) {
  const message = `not a whole number from ${minimum} to ${maximum}`;
  return z
    .stringFormat("whole number", /^[0-9]{1,10}$/, message)
    .transform(Number)
    .refine((n) => n >= minimum && n <= maximum, message);
}

function list(check: (items: readonly string[]) => string | undefined) {
  return z.string().transform((text, context): readonly string[] => {
    const items = text.split(",").flatMap((item) => item.trim() || []);
    const problem = check(items);
    if (problem === undefined) return items;
    context.addIssue(problem);
    return z.NEVER;
  });
}

const networks = list((items) => {
  try {
    parseNetworks(items);
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
});

const certificateNames = list((items) => {
  const wrong = items.find((item) => !isCertificateName(item));
  return wrong === undefined ? undefined : `"${wrong}" is neither a host name nor an IP address`;
});

const seal = z.string().transform((text, context) => {
  try {
    return parseSeal(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    context.addIssue(error.message);
    return z.NEVER;
  }
});

const secretInput = z.string().transform((text, context) => {
  const input = parseSecretInput(text);
  if (input !== undefined) return input;
  context.addIssue("not terminal, file:PATH or fd:N");
  return z.NEVER;
});

const backupRetention = z.union([z.literal("off").transform(() => undefined), duration], {
  error: `neither off, nor ${DURATION_HINT}`,
});

const noRetention = `neither off, nor ${DURATION_HINT}`;
const auditRetention = z.union(
  [z.literal("off").transform(() => undefined), duration.refine((millis) => millis > 0, noRetention)],
  { error: noRetention },
);

const auditMaxSize = z.union([z.literal("off").transform(() => undefined), size], {
  error: `neither off, nor ${SIZE_HINT}`,
});

/** `off`, `cloud` for the limits of Alibaba Cloud, or a list of some of them with other numbers. */
function limits<Name extends string>(cloud: Readonly<Record<Name, number>>) {
  const isName = (name: string): name is Name => Object.hasOwn(cloud, name);
  return z.string().transform((text, context): Readonly<Partial<Record<Name, number>>> | undefined => {
    if (text === "off") return undefined;
    if (text === "cloud") return cloud;
    const limits: Partial<Record<Name, number>> = {};
    for (const item of text.split(",")) {
      const [, name = "", digits] = /^\s*([A-Za-z]+)=([1-9][0-9]{0,8})\s*$/.exec(item) ?? [];
      if (!isName(name)) {
        context.addIssue(`neither off, nor cloud, nor a list of limits such as ${listed(cloud)}`);
        return z.NEVER;
      }
      limits[name] = Number(digits);
    }
    return limits;
  });
}

/** As {@link limits} takes them. */
function listed(cloud: Readonly<Record<string, number>>): string {
  return Object.entries(cloud)
    .map(([name, limit]) => `${name}=${limit}`)
    .join(", ");
}

const DATABASE_URL = /^(?:sqlite:|postgres(?:ql)?:\/\/.)/;
const REGION = /^[a-z]{2,}(?:-[a-z0-9]+)+$/;
/** A name in a signed note has no white space and no plus sign (C2SP signed-note, "Signatures"). */
const ORIGIN = /^[^\s+]{1,200}$/u;
const MAX_CONNECTIONS = 100_000;

/** Every setting there is. Help, docs/configuration.md and the checks of all sources come from this table. */
export const SETTINGS = {
  data: {
    placeholder: "DIR",
    schema: path,
    default: "data",
    description:
      "Data directory; made if it is missing, for its owner alone. The default is below the working directory, so that a first try needs no privileges and is undone by removing one directory.",
  },
  listen: {
    placeholder: "HOST:PORT",
    schema: listenAddress,
    default: "127.0.0.1:8080",
    description: "Where the API listens. Port 0 takes any free port.",
  },
  adminListen: {
    placeholder: "HOST:PORT",
    schema: listenAddress,
    default: "127.0.0.1:8081",
    description:
      "Where `/healthz`, `/readyz` and `/metrics` are served, without TLS. They show no accounts, keys or secrets.",
  },
  database: {
    placeholder: "URL",
    schema: z.stringFormat("database", DATABASE_URL, "neither sqlite:PATH nor postgres://USER:PASSWORD@HOST/NAME"),
    default: undefined,
    defaultNote: "`sqlite:`, which is `cinnabar.db` in the data directory",
    secret: true,
    description:
      "`sqlite:PATH`, or `postgres://…` of a PostgreSQL primary. Other users of the machine can read a flag: give a URL with a password by variable or file.",
  },
  tls: {
    placeholder: undefined,
    schema: toggle,
    default: "false",
    description:
      "Serve https with a certificate from Cinnabar's own CA, made in the data directory. Clients trust its `ca.pem`.",
  },
  tlsNames: {
    placeholder: "NAME,…",
    schema: certificateNames,
    default: "",
    description:
      "Further host names and addresses for the certificate of `--tls`. It always has localhost, the loopback addresses, the machine's name and the host of `--listen`.",
  },
  tlsCert: {
    placeholder: "FILE",
    schema: path,
    default: undefined,
    description: "Serve https with this certificate: PEM, followed by its intermediates.",
  },
  tlsKey: {
    placeholder: "FILE",
    schema: path,
    default: undefined,
    description: "Private key of `--tls-cert`: PEM, not encrypted.",
  },
  insecureHttp: {
    placeholder: undefined,
    schema: toggle,
    default: "false",
    description:
      "Allow http on an address that other machines can reach: plaintexts and data keys can then be read on the way.",
  },
  trustedProxies: {
    placeholder: "CIDR,…",
    schema: networks,
    default: "",
    description:
      "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. They do not count for `--max-connections-per-address`.",
  },
  maxConnectionsPerAddress: {
    placeholder: "N",
    schema: whole(1, MAX_CONNECTIONS),
    default: "1024",
    description: "Open connections of one address; the network of 64 bits counts as one address of IPv6.",
  },
  seal: {
    placeholder: "SEAL",
    schema: seal,
    default: "file",
    defaultNote: "`file`, which is `root.key` in the data directory",
    description:
      "Where the root key is kept: `file[:PATH]`, `passphrase[:PATH]`, `shamir[:3of5][:PATH]`, `kms:FILE`, `env:VARIABLE` or `command:PROGRAM ARGUMENTS`; see Seals in docs/operations.md. Made with the deployment. Every node of a deployment is given the same root key.",
  },
  unsealFrom: {
    placeholder: "INPUT",
    schema: secretInput,
    default: undefined,
    defaultNote: "the terminal; `serve` with Shamir shares waits for `cinnabar unseal`",
    description:
      "Where the passphrase, or the shares one a line, are read from: `terminal`, `file:PATH` or `fd:N`, an open file descriptor.",
  },
  region: {
    placeholder: "REGION",
    schema: z.stringFormat("region", REGION, "not a region such as cn-hangzhou"),
    default: "cn-hangzhou",
    description: "Region of a new deployment. One that is there keeps its own.",
  },
  origin: {
    placeholder: "NAME",
    schema: z
      .stringFormat("origin", ORIGIN, "not 1 to 200 characters without white space and plus signs")
      .refine((name) => !isEmulatorOrigin(name), "names that begin with emulator/ are those of emulators"),
    default: undefined,
    defaultNote: "`cinnabar/` and random hex digits",
    description:
      "Name of a new deployment's audit log in its checkpoints, such as `kms.example.com/log`. One that is there keeps its own.",
  },
  checkpointTo: {
    placeholder: "TARGET",
    schema: checkpointAddress,
    default: undefined,
    defaultNote: "none: checkpoints stay in the database",
    secret: true,
    description:
      "Where each signed checkpoint of the audit log goes beside the database: appended to a file, which is also compared with the store at each start; POSTed to an http or https URL; or sent to `syslog://HOST:PORT` by UDP, `syslog` being port 514 of this machine.",
  },
  auditRetention: {
    placeholder: "TIME",
    schema: auditRetention,
    default: "90d",
    description:
      "How long the audit log keeps the bodies of events, or `off` to keep them for ever. Their leaves stay, so every proof made before still holds; see Retention in docs/operations.md. The same on every node.",
  },
  auditMaxSize: {
    placeholder: "SIZE",
    schema: auditMaxSize,
    default: "off",
    description:
      "Largest size of the audit log, such as `20GiB`: beyond, the oldest bodies of events are dropped earlier. The same on every node.",
  },
  throttle: {
    placeholder: "LIMITS",
    schema: limits(CLOUD_LIMITS),
    default: "off",
    description: `Calls a second that one account may make to each node: \`off\`, \`cloud\` for those of Alibaba Cloud's shared gateway, or \`CLASS=N,…\` for some of its classes (${listed(CLOUD_LIMITS)}). Beyond, the answer is 429 \`Rejected.Throttling\`.`,
  },
  accountQuotas: {
    placeholder: "LIMITS",
    schema: limits(CLOUD_QUOTAS),
    default: "off",
    description: `What one account may have: \`off\`, \`cloud\` for as much as in Alibaba Cloud (${listed(CLOUD_QUOTAS)}), or some of these with other numbers; see Account quotas in docs/operations.md. Beyond, the answer is 400 \`Rejected.LimitExceeded\`. The same on every node.`,
  },
  destructionDelay: {
    placeholder: "TIME",
    schema: duration,
    default: "1h",
    description:
      "How long a server runs, and its store's clock runs evenly, before it destroys keys whose deletion is due, and old versions of accounts' keys. A clock that was wrongly set forward can be put right within that time. Nobody can use a key whose deletion is due, destroyed or not.",
  },
  backupRetention: {
    placeholder: "TIME",
    schema: backupRetention,
    default: "35d",
    description:
      "How long backups of the store are kept, or `off`. After a key was destroyed its account's key is replaced, at most once a day, and the old version destroyed this long after nothing is encrypted under it; see Deleting a key in docs/operations.md.",
  },
  compatibility: {
    placeholder: "LEVEL",
    schema: z.enum(["extended", "strict"], "neither extended nor strict"),
    default: "extended",
    description:
      "What CreateKey without an instance makes: any key with `extended`; with `strict`, as in the cloud, the account's one default key. The same on every node.",
  },
  nonceSlots: {
    placeholder: "N",
    schema: whole(2 ** 10, 2 ** 28).refine((n) => Number.isInteger(Math.log2(n)), "not a power of two"),
    default: String(DEFAULT_NONCE_SLOTS),
    description:
      "Room for signature nonces, a power of two, 8 bytes each. When four fifths were used within 30 minutes, requests are refused.",
  },
  emulator: {
    placeholder: undefined,
    schema: toggle,
    default: "false",
    description:
      "For tests of your own programs: a server whose time can be set, whose calls can be made to fail, and whose store can be put back. Only on this machine's own addresses, with a data directory that it makes itself; see emulator.md.",
  },
  logLevel: {
    placeholder: "LEVEL",
    schema: z.enum(LOG_LEVELS, `not one of ${LOG_LEVELS.join(", ")}`),
    default: "info",
    description: `The least important lines to log: ${LOG_LEVELS.map((level) => `\`${level}\``).join(", ")}.`,
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;

/** All names, in the order of the table. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant object
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** `--admin-listen` for `adminListen`. */
export function flagOf(name: string): string {
  return `--${words(name).join("-")}`;
}

/** `CINNABAR_ADMIN_LISTEN` for `adminListen`. */
export function variableOf(name: string): string {
  return ["CINNABAR", ...words(name)].join("_").toUpperCase();
}

function words(name: string): string[] {
  return name.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}
