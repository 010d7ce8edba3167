import { join } from "node:path";

import type { z } from "zod";

import { assertEmulatorSettings } from "../emulator/assert-emulator-settings.ts";
import { formatListenAddress, isLoopback } from "../listener/index.ts";
import { OperatorError } from "../operator-error.ts";
import type { SealSource } from "../seal/seal-source.ts";
import { SETTING_NAMES, type Setting, type SettingName, SETTINGS } from "./settings.ts";
import { CONFIG, type Given, readConfigFile, readEnvironment, readFlags } from "./sources.ts";

/** Without a path, it lies in the data directory. */
const SQLITE = "sqlite:";

type Settings = typeof SETTINGS;

/** The values of all settings. What has no default and was not given is undefined. */
type Values = {
  readonly [N in SettingName]: z.output<Settings[N]["schema"]> | Extract<Settings[N]["default"], undefined>;
};

/** What a server is to do: checked, complete, and consistent in itself. Paths are as given, relative ones too. */
export interface Configuration extends Omit<Values, "database" | "seal" | "tls" | "tlsCert" | "tlsKey" | "tlsNames"> {
  /** `sqlite:PATH` or `postgres://…`; may hold a password: show it with {@link maskPassword}. */
  readonly database: string;
  readonly seal: SealSource;
  readonly tls: TlsSource;
}

/** Where the certificate comes from, if there is one. */
export type TlsSource =
  | { readonly kind: "none" }
  | { readonly kind: "own-ca"; readonly names: readonly string[] }
  | { readonly kind: "files"; readonly certFile: string; readonly keyFile: string };

export interface ConfigurationSources {
  /** What follows the command, without it. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gives a file as text. What it throws becomes a sentence. */
  readonly readFile: (path: string) => string;
}

/**
 * Puts the configuration together. Of each setting the first that says something counts: flag, environment variable,
 * file (`--config FILE` or CINNABAR_CONFIG), default.
 *
 * @throws OperatorError with a sentence for the first thing that is wrong; it names the setting as its source does, and
 * what an unknown one was perhaps meant to be.
 */
export function loadConfiguration({ argv, environment, readFile }: ConfigurationSources): Configuration {
  const values = parse(finder({ argv, environment, readFile }));
  const { database, seal, tls, tlsCert, tlsKey, tlsNames, ...rest } = values;
  const configuration: Configuration = {
    ...rest,
    database: databaseIn(rest.data, database),
    seal: seal(rest.data),
    tls: tlsSource({ tls, tlsCert, tlsKey, tlsNames }),
  };
  assertNotExposed(configuration);
  if (configuration.emulator) assertEmulatorSettings(configuration);
  return configuration;
}

/** Where a store is. */
export interface StorePlace {
  /** The data directory; the default if nothing names one. */
  readonly data: string;
  /** As of {@link Configuration}. */
  readonly database: string;
  /** Whether a database was named and no data directory: what lies in that one by default has nothing to do with it. */
  readonly isDatabaseAlone: boolean;
}

/**
 * Finds where the store is as {@link loadConfiguration} does, for commands that need no other setting: what others say is
 * not looked at.
 *
 * @throws OperatorError
 */
export function findStorePlace(sources: ConfigurationSources): StorePlace {
  const find = finder(sources);
  const [givenData, givenDatabase] = [find("data"), find("database")];
  const data = givenData === undefined ? SETTINGS.data.default : parseGiven(SETTINGS.data, givenData);
  return {
    data,
    database: databaseIn(data, givenDatabase && parseGiven(SETTINGS.database, givenDatabase)),
    isDatabaseAlone: givenDatabase !== undefined && givenData === undefined,
  };
}

/** Finds what is given for a setting, in the first source that has it. */
function finder({ argv, environment, readFile }: ConfigurationSources): (name: SettingName) => Given | undefined {
  const flags = readFlags(argv);
  const variables = readEnvironment(environment);
  const file = flags.get(CONFIG) ?? variables.get(CONFIG);
  const keys = file === undefined ? undefined : readConfigFile(file.text, readText(file, readFile));
  return (name) => flags.get(name) ?? variables.get(name) ?? keys?.get(name);
}

function databaseIn(data: string, database = SQLITE): string {
  return database === SQLITE ? `${SQLITE}${join(data, "cinnabar.db")}` : database;
}

/** Hides the password in the URL of a database. */
export function maskPassword(database: string): string {
  return database
    .replace(/^(postgres(?:ql)?:\/\/[^/?#@:]*):[^@]*@/, "$1:***@")
    .replace(/([?&](?:ssl)?password=)[^&#]*/gi, "$1***");
}

function readText(file: Given, readFile: (path: string) => string): string {
  try {
    return readFile(file.text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatorError(`The configuration file ${file.text} (${file.source}) cannot be read: ${reason}`, {
      cause: error,
    });
  }
}

function parse(find: (name: SettingName) => Given | undefined): Values {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const setting: Setting = SETTINGS[name];
    const given = find(name);
    const text = given?.text ?? setting.default;
    if (text === undefined) {
      values[name] = undefined;
      continue;
    }
    values[name] = parseGiven(setting, given ?? { text, source: name });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the loop above has set every name by its own schema
  return values as Values;
}

function parseGiven<T>({ schema, secret }: Setting<T>, { text, source }: Given): T {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const shown = secret ? "its value" : `"${text}"`;
  throw new OperatorError(`${source}: ${shown} is wrong: ${parsed.error.issues[0]?.message}.`);
}

function tlsSource(values: Pick<Values, "tls" | "tlsCert" | "tlsKey" | "tlsNames">): TlsSource {
  const { tls, tlsCert, tlsKey, tlsNames } = values;
  if (tlsCert !== undefined && tlsKey !== undefined) {
    if (tls) throw new OperatorError("--tls makes a certificate, and --tls-cert gives one: use one of them.");
    return { kind: "files", certFile: tlsCert, keyFile: tlsKey };
  }
  if (tlsCert !== undefined || tlsKey !== undefined) {
    throw new OperatorError("--tls-cert FILE and --tls-key FILE belong together: one of them is missing.");
  }
  return tls ? { kind: "own-ca", names: tlsNames } : { kind: "none" };
}

function assertNotExposed({ listen, tls, insecureHttp }: Pick<Configuration, "listen" | "tls" | "insecureHttp">): void {
  if (tls.kind !== "none" || insecureHttp || isLoopback(listen.host)) return;
  throw new OperatorError(
    `Other machines can reach ${formatListenAddress(listen)}, and without TLS they could read plaintexts and data keys ` +
      "on the way. Use --tls, or --tls-cert and --tls-key; if something else protects the way, say so with --insecure-http.",
  );
}
