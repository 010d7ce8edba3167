import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { UnknownOutcomeError } from "@cinnabar/kernel";
import type { Administration, KeepAccessKey } from "@cinnabar/ram";
import type { Configuration } from "../configuration/index.ts";
import { formatAccessKey, RootAccessKeyFile, writeNewFile } from "../data-directory/index.ts";
import { formatListenAddress } from "../listener/index.ts";
import { OperatorError } from "../operator-error.ts";
import { print, say } from "./print.ts";

/** How a command that makes an AccessKey gives it out. */
export interface AccessKeyDestination {
  /** A file to be made; the standard output if there is none. */
  readonly file: string | undefined;
  /** Print what was made as JSON, when the secret is in a file. */
  readonly json: boolean;
}

/**
 * Makes an AccessKey and gives it out, once: into a new file, 0600, before the store knows the key, or on the standard
 * output after it.
 *
 * @param options.create - makes it; handed what keeps it.
 * @param options.done - a sentence for people about what was made.
 */
export async function giveOutAccessKey(options: {
  readonly configuration: Configuration;
  readonly destination: AccessKeyDestination;
  create(keep: KeepAccessKey): ReturnType<Administration["createAccount"]>;
  done(ids: { readonly accountId: string; readonly accessKeyId: string }): string;
}): Promise<void> {
  const { file, json } = options.destination;
  const endpoint = await endpointOf(options.configuration);
  let credentials = "";
  let isKept = false;
  const keep: KeepAccessKey = async ({ accountId, accessKeyId, secret }) => {
    credentials = formatAccessKey({
      AccountId: accountId,
      AccessKeyId: accessKeyId,
      AccessKeySecret: secret.toString("latin1"),
      Endpoint: endpoint,
    });
    if (file === undefined) return;
    await writeNewFile(file, credentials);
    isKept = true;
  };
  const ids = await options.create(keep).catch(async (error: unknown) => {
    // Of a key that may exist the secret is kept.
    if (file !== undefined && isKept && !(error instanceof UnknownOutcomeError)) await rm(file, { force: true });
    throw error;
  });
  if (file !== undefined) {
    await say(`${options.done(ids)} Its secret is in ${resolve(file)}.`);
    if (json) await print(`${JSON.stringify({ ...ids, file: resolve(file) })}\n`);
    return;
  }
  await print(credentials).catch((error: unknown) => {
    throw new OperatorError(
      `The standard output could not be written, and the secret of the AccessKey ${ids.accessKeyId} is lost: delete that key and create another one.`,
      { cause: error },
    );
  });
  await say(`${options.done(ids)} Its secret is shown this once: keep it.`);
}

/** Where the server is reached: as it said itself, or as it is configured. */
async function endpointOf({ data, listen, tls }: Configuration): Promise<string> {
  const said = await new RootAccessKeyFile(data).read();
  return said?.Endpoint ?? `${tls.kind === "none" ? "http" : "https"}://${formatListenAddress(listen)}`;
}
