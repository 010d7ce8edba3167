import { CinnabarClient, type Credentials } from "@cinnabar/client";
import { Failure, UsageFailure } from "./failure.ts";
import { type Io, write } from "./io.ts";
import { findText, readText } from "./read-text.ts";

const DEFAULT_CREDENTIALS = "data/root-access-key.json";

/** The options of every command that calls a running server. */
export interface ServiceOptions {
  readonly endpoint?: string;
  readonly credentials?: string;
  readonly ca?: string;
}

/**
 * Calls the service that the options name.
 *
 * @throws Failure if a file cannot be read or makes no sense, and what `use` throws.
 */
export async function withClient<T>(
  options: ServiceOptions,
  io: Io,
  use: (client: CinnabarClient) => Promise<T>,
): Promise<T> {
  const client = await connect(options, io);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function connect(options: ServiceOptions, io: Io): Promise<CinnabarClient> {
  const file = await readCredentials(options.credentials, io);
  const endpoint = options.endpoint ?? file.endpoint;
  if (endpoint === undefined) throw new UsageFailure("The credentials name no endpoint: add --endpoint URL.");
  const ca = options.ca === undefined ? undefined : await readText(options.ca);
  try {
    const { credentials } = file;
    return new CinnabarClient({ endpoint: new URL(endpoint), credentials, ...(ca !== undefined && { ca }) });
  } catch (error) {
    throw new UsageFailure(`${endpoint} is no endpoint: it must read http://HOST:PORT or https://HOST:PORT.`, {
      cause: error,
    });
  }
}

interface CredentialsFile {
  readonly credentials: Credentials;
  readonly endpoint: string | undefined;
}

async function readCredentials(path: string | undefined, io: Io): Promise<CredentialsFile> {
  if (path !== undefined) return parseCredentials(path, await readText(path));
  const text = await findText(DEFAULT_CREDENTIALS);
  if (text === undefined) {
    throw new UsageFailure(
      `No credentials: add --credentials FILE (there is no ${DEFAULT_CREDENTIALS} here, which would be used without it).`,
    );
  }
  await write(io.stderr, `Using the credentials in ${DEFAULT_CREDENTIALS}.\n`);
  return parseCredentials(DEFAULT_CREDENTIALS, text);
}

function parseCredentials(path: string, text: string): CredentialsFile {
  const { AccessKeyId, AccessKeySecret, SecurityToken, Endpoint } = parseFields(text);
  if (!AccessKeyId || !AccessKeySecret) {
    throw new Failure(
      `${path} is no credentials file: it must be JSON with AccessKeyId and AccessKeySecret, like root-access-key.json.`,
    );
  }
  const accessKey = { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret };
  return { credentials: { ...accessKey, ...(SecurityToken && { securityToken: SecurityToken }) }, endpoint: Endpoint };
}

type Field = "AccessKeyId" | "AccessKeySecret" | "SecurityToken" | "Endpoint";

function parseFields(text: string): Partial<Record<Field, string>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, field]) => typeof field === "string"));
  } catch {
    // The parser's own message would repeat a part of the file, which is secret.
    return {};
  }
}
